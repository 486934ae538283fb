package stack

import (
	"regexp"
	"strconv"
)

// memoryOf is how little and how much memory, in MiB, Cloud Run gives a task of a job by its number of CPUs.
// https://cloud.google.com/run/docs/configuring/jobs/cpu
var memoryOf = map[int]struct{ least, most int }{
	1: {512, 4 << 10}, 2: {512, 8 << 10}, 4: {2 << 10, 16 << 10}, 6: {4 << 10, 24 << 10}, 8: {4 << 10, 32 << 10},
}

var (
	cpuQuantity = regexp.MustCompile(`^([1-9])(000m)?$`)
	memQuantity = regexp.MustCompile(`^([0-9]{1,6})(Mi|Gi)$`)
)

// checkSize compares CPU and memory with what Cloud Run offers, which it would refuse only when all else is deployed.
func (a Args) checkSize(p *problems) {
	var cpus int
	if match := cpuQuantity.FindStringSubmatch(a.CPU); match != nil {
		cpus, _ = strconv.Atoi(match[1])
	}
	memory, offered := memoryOf[cpus]
	p.require(offered, "cpu", "%q is none of 1000m, 2000m, 4000m, 6000m, 8000m", a.CPU)
	match := memQuantity.FindStringSubmatch(a.Memory)
	p.require(match != nil, "memory", "%q is not a quantity such as 512Mi or 2Gi", a.Memory)
	if !offered || match == nil {
		return
	}
	size, _ := strconv.Atoi(match[1])
	if match[2] == "Gi" {
		size <<= 10
	}
	p.require(memory.least <= size && size <= memory.most, "memory", "%s is not between %dMi and %dMi, which is what goes with cpu %s",
		a.Memory, memory.least, memory.most, a.CPU)
}
