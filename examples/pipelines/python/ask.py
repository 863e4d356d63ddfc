#!/usr/bin/env python3
"""Answers one question per line of standard input, for as long as there are any.  pip install anthropic

The SDK reads the key once, when the client is built. With ANTHROPIC_KEY_FILE set, a new client is built whenever guard has
replaced that file, and once more after a 401; otherwise the key is the one that `guard exec` put into the environment.
"""

import os
import sys

import anthropic

KEY_FILE = os.environ.get("ANTHROPIC_KEY_FILE")
MODEL = os.environ.get("ANTHROPIC_MODEL", "claude-haiku-4-5")


class Client:
    """The SDK's client for the key that is in the file now."""

    def __init__(self):
        self.seen = self.inner = None

    def current(self):
        # A replaced file is another file: its inode differs even within one tick of the clock.
        seen = KEY_FILE and (os.stat(KEY_FILE).st_ino, os.stat(KEY_FILE).st_mtime_ns)
        if self.inner is None or seen != self.seen:
            key = open(KEY_FILE, encoding="ascii").read().strip() if KEY_FILE else None
            self.seen, self.inner = seen, anthropic.Anthropic(api_key=key)
        return self.inner

    def ask(self, question):
        for last in (False, True):
            try:
                answer = self.current().messages.create(
                    model=MODEL, max_tokens=256, messages=[{"role": "user", "content": question}]
                )
                return answer.content[0].text
            except anthropic.AuthenticationError:
                if last or not KEY_FILE:
                    raise
                self.inner = None


client = Client()
for line in sys.stdin:
    print(client.ask(line.strip()), flush=True)
