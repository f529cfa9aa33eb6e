"""Upper case, by tasks that do everything themselves: disco run simplejob.Upper URL..."""

from disco.job import SimpleJob


class Upper(SimpleJob):
    def map(self, worker, task, **jobargs):
        output = worker.output(task, partition=0)
        for line in worker.input(task):
            output.file.write(line.upper())

    def reduce(self, worker, task, **jobargs):
        output = worker.output(task)
        for line in worker.input(task):
            output.file.write(line)
