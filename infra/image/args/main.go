// Command args prints the build arguments that say what an image of the job is built from, as NAME=VALUE a line. Start it in
// the folder of the Dockerfile.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"vertexmetadata/infra/image"
)

func main() {
	args, err := image.Args(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		fmt.Printf("%s=%s\n", name, args[name])
	}
}
