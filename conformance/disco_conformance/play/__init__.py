"""One case against one worker: its world, its process, the conversation, the verdict."""
