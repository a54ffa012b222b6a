/* Compression at a chosen level, as pull streams; see gzip.h for the one that is used when nobody chooses. */
#pragma once

#include "base/stream.h"

/* `inner` stays the caller's and must outlive the stream. Levels: gzip 0-9, zstd 1-22. */
struct stream *stream_new_gzip_level(struct stream *inner, int level);
struct stream *stream_new_zstd(struct stream *inner, int level);
