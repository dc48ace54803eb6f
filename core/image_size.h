/* SPDX-License-Identifier: MIT */
/*
 * How large an image is, from the head of its file: PNG, JPEG, GIF, WebP, in
 * base64 of either alphabet.
 * Pure; reads only the bytes that it needs.
 * Sources: PNG (third edition) §11.2.2, ITU-T T.81 annex B, GIF89a §18,
 * WebP container specification.
 */
#ifndef CORE_IMAGE_SIZE_H
#define CORE_IMAGE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

/*
 * image_size(base64, w, h):
 * Returns  true with the sides in pixels, neither 0; false for what is none
 *          of these, or broken.
 */
bool image_size(struct str base64, int64_t *w, int64_t *h);

#endif
