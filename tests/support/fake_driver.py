"""A library that answers as NVIDIA's driver does, compiled for a test."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SOURCE = """
#include <stddef.h>
#include <string.h>

typedef struct { const char *name; size_t memory; int major, minor, integrated; } Gpu;

static const Gpu gpus[] = {
    {"NVIDIA L4", (size_t)23034 << 20, 8, 9, 0},
    {"Orin", (size_t)7620 << 20, 8, 7, 1},
};
static int ready = 0;

int cuInit(unsigned int flags) {
    ready = flags == 0 && INIT == 0;
    return INIT;
}
#ifndef NO_ERROR_NAMES
int cuGetErrorName(int status, const char **name) {
    *name = status == 100 ? "CUDA_ERROR_NO_DEVICE"
          : status == 803 ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH" : NULL;
    return *name == NULL;
}
#endif
int cuDriverGetVersion(int *version) { *version = 12060; return 0; }
#ifndef NO_COUNT
int cuDeviceGetCount(int *count) { *count = COUNT; return ready ? 0 : 3; }
#endif
int cuDeviceGet(int *device, int index) { *device = 40 + FIRST + index; return index >= COUNT; }
int cuDeviceGetName(char *name, int length, int device) {
    strncpy(name, gpus[device - 40].name, length);
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
    *bytes = gpus[device - 40].memory;
    return MEMORY_STATUS;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    const Gpu *gpu = &gpus[device - 40];
    switch (attribute) {
    case 75: *value = gpu->major; return 0;
    case 76: *value = gpu->minor; return 0;
    case 18: *value = gpu->integrated; return 0;
    }
    return 1;
}
"""
_DEFAULTS = {"INIT": 0, "FIRST": 0, "COUNT": 2, "MEMORY_STATUS": 0}


def build_fake_driver(folder: Path, **facts: int) -> str:
    """Compile the library; returns its path.

    Args:
        folder: to write it to.
        facts: ``INIT``, what ``cuInit`` returns; ``COUNT`` of the GPUs from ``FIRST`` on, of which
            0 is an L4 and 1 an Orin; ``MEMORY_STATUS``, what ``cuDeviceTotalMem`` returns;
            ``NO_COUNT`` and ``NO_ERROR_NAMES`` leave that function out.
    """
    source, library = folder / "fake_driver.c", folder / "libcuda.so.1"
    source.write_text(_SOURCE)
    defines = [f"-D{name}={value}" for name, value in {**_DEFAULTS, **facts}.items()]
    command = ["gcc", "-shared", "-fPIC", *defines, "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    return str(library)
