"""Where the time of a job's tasks goes. From this folder:

disco run profile.ProfileJob http://example.com/data | xargs disco wait && disco pstats -k cumulative @
"""

from disco.job import Job


class ProfileJob(Job):
    profile = True

    @staticmethod
    def map(entry, params):
        yield entry.strip(), 1
