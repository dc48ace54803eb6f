/* SPDX-License-Identifier: MIT */
#ifndef CORE_OTLP_HEADERS_H
#define CORE_OTLP_HEADERS_H

#include "core/str.h"

struct arena;
struct header;

/*
 * otlp_headers(a, text, list):
 * Append the headers of "name=value,name=value", values percent-encoded where
 * they need it, to ${*list}.
 *
 * Returns  NULL, or what is wrong.
 * Source   OpenTelemetry, "OTLP Exporter Configuration", "Specifying headers
 *          via environment variables": OTEL_EXPORTER_OTLP_HEADERS fits.
 */
const char *otlp_headers(
    struct arena *a, struct str text, struct header **list);

#endif
