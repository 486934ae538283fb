package main

// tried is what was measured by hand meanwhile: make bench does not measure it.
const tried = `
## What was tried

Processor time decides here: PostgreSQL, the job and the stand-ins share two processors. Figures are for 164,000 documents.

| what | before | after | kept |
|---|---|---|---|
| 32 MB of work_mem for the session instead of the server's 4 | a scan 472 ms, PostgreSQL's CPU 580 ms, 180 MB of temporary files | 409 to 447 ms, 380 ms, none; the planner then joins in one process, which leaves the other processor to the job | yes |
| what came in chunks kept by the sandbox until a request asks for it, instead of copied and summed by fake-gcs-server (MD5: 190 ms) at the end of the upload | 343 ms of the stand-ins' CPU a full sync, the job waiting for most of it | 70 ms | yes |
| GOMAXPROCS 1 instead of 2 (Cloud Run's default of one CPU has it so) | 375 ms of the job's CPU a full sync, 582 ms wall | 325, 550 ms: fewer threads looking for work | left to the machine |
| small parts of the manifest's table doubled instead of grown by a quarter (manifest, BenchmarkGrow) | 21 to 26 ms for a first sync | 13 ms | yes |
| key, hash and flags of a document in one slot of the manifest's table instead of three arrays, segments decoded in the buffer they came in | 239 ms of the job's CPU a scan (least of 15) | 224 ms; loading a segment 11.2 → 6.7 ms per 100,000 entries | yes |
| the places of 128 documents touched before they are looked up, so that waits for memory overlap | 31 ms in look-ups | 16 ms | yes |
| GOGC 100, 50, 25, off during a scan | | within the noise: five to seven collections, the table has no pointers | 20 from 20,000 documents on, for memory: with 25 the first sync of 3,000,000 documents took 200 MiB, with Go's 100 it would be twice the table |
| GOGC 25 from the start of the process | idle tick 14 ms | 16 ms | no, only in a scan |
| GOGC 400 until then: no collection in an idle tick, whose heap ends just above 4 MB | idle tick 18.8 ms of the job's CPU | 14.1 ms | yes |
| the data store listed with a field mask that the stand-in honours, by a full sync that has a ledger | 3,946 ms, 1,653 ms of the job's CPU | 1,066 ms, 710 ms | yes; whether the service honours it is not documented |
| XXH3, xxHash64, SHA-256 as content hash (document, BenchmarkHash) | | 28, 46, 530 ns a line | XXH3 |
| reads of 8, 64, 256 KiB from PostgreSQL (source, readBuffer) | 125 ms | 104, 104 ms | 64 KiB |
| COPY, text or binary, instead of result rows (source) | | no faster | no |
| upload chunks from 256 KiB to 16 MiB (bucket, BenchmarkUpload) | | equal next door; 30 ms away 33 MB/s with 1 MiB, 207 with 8, 312 with 16 | 8 MiB |
| lines that lie side by side written as one piece instead of one by one | 631, 612 ms a full sync into the sink (median, least) | 690, 587 ms: within the noise | no |
| ten batches between encoding and comparing instead of three (diff) | 775, 716 ms a full sync (median, least) | 761, 691 ms: within the noise | no |
| a goroutine that reads ahead of the encoder, 8 times 128 KiB (source) | 834, 687 ms | 824, 700 ms, with more processor time | no |
| the upload's CRC32C computed a chunk at a time instead of line by line (bucket) | 0.72 ms for 8 MiB | 0.35 ms | yes |
| the bench's sink reads pieces of 1 MiB instead of 8 KB | 78 ms of the stand-ins' CPU a full sync | 52 ms | yes |
| the manifest loaded beside the beginning of the query | | not built: it would hide 12 of 500 ms, on processors that are busy anyway | no |

A full sync's share beyond a scan's is copying: the line into the upload's block, the block into the client's chunk, the chunk into
the socket, and CRC32C twice, once by us to compare with what the bucket stored, once by the client for the bucket to compare.

What is left in the job's own share of a scan: 37 % encoding (a quarter of it the check of the id's characters), 21 % system calls, 18 % the manifest. Lines that name another package are that package's own benchmarks, not taken anew here.
`
