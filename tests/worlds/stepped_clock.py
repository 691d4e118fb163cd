"""A wall clock of its own for a program that is not ours: a library that is loaded before libc's functions."""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
from pathlib import Path

from tests.worlds import programs

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile int64_t *ahead(void) {
    static volatile int64_t *seconds;
    if (!seconds) {
        int file = open(getenv("STEPPED_CLOCK"), O_RDONLY);
        seconds = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += *ahead();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (told) *told = precise.tv_sec;
    return precise.tv_sec;
}
"""


class SteppedClock:
    """How many seconds ahead the clock is of the programs that run with `environ`."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        source, library, told = home / "clock.c", home / "clock.so", home / "ahead"
        source.write_text(_SOURCE)
        compiler = programs.path("gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60)
        told.write_bytes(bytes(8))
        with told.open("r+b") as file:
            self._told = mmap.mmap(file.fileno(), 8)
        self.environ = {**os.environ, "LD_PRELOAD": str(library), "STEPPED_CLOCK": str(told)}

    @property
    def ahead(self) -> int:
        """Seconds."""
        return int(struct.unpack("<q", self._told[:8])[0])

    @ahead.setter
    def ahead(self, seconds: int) -> None:
        self._told[:8] = struct.pack("<q", seconds)
