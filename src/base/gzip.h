/* Compression for what goes out: a pull stream of gzip data. The same bytes in give the same bytes out (ISA-L at one
 * fixed level, no name, no time), so that a layer keeps its digest in registries. */
#pragma once

#include "base/stream.h"

/* `inner` stays the caller's and must outlive the stream. */
struct stream *stream_new_gzip(struct stream *inner);
