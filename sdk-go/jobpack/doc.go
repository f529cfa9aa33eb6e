// Package jobpack makes and reads job packs: the one file that holds all that is needed to run a job.
//
//	0      2        4        8        12       16        20          128
//	magic  version  jobdict  jobenvs  jobhome  jobdata   (reserved)  the four sections, in this order
//	                `------ four offsets, u32 -----'
//
// All numbers are big-endian. The job dictionary is JSON for the master, the job environment a JSON object of strings,
// the job home a ZIP archive with the worker in it, the job data free bytes for the worker. A pack is taken whole or
// refused with an *Error that names the field. The same content makes the same bytes: entries are sorted, with fixed
// time stamps and modes.
package jobpack
