/* The functions of a fuzz target, as libFuzzer calls them. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional: changes the input in place and returns its new size, at most @room. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed) __attribute__((weak));

/* libFuzzer's own changes, of bytes; NULL in a test. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room) __attribute__((weak));
