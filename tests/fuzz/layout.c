/* An image layout as a base: any index, manifests, configurations and layers. The input's parts are its
 * files, between lines of "%": index.json, then blobs. "@N" stands for the digest of part N where that one
 * comes later. */
#include "base/fd.h"
#include "build/build-internal.h"

#include <stdlib.h>

#define SEPARATOR "\n%\n"
#define PARTS_MAX 9

static void write_file(int dir, const char *path, const struct strbuf *text)
{
        if (file_replace(dir, path, text->data, text->len, 0644, false, NULL) < 0)
                abort();
}

/* From the last part to the first, so that each can name those behind it. */
static void write_layout(int root, const char *data, size_t size)
{
        char digests[PARTS_MAX][DIGEST_TEXT_SIZE] = {};
        struct {
                const char *text;
                size_t len;
        } parts[PARTS_MAX] = {};
        size_t count = 0;

        while (count < PARTS_MAX) {
                const char *end = memmem(data, size, SEPARATOR, strlen(SEPARATOR));
                size_t len = end && count + 1 < PARTS_MAX ? (size_t)(end - data) : size;

                parts[count].text = data;
                parts[count++].len = len;
                if (len == size)
                        break;
                data += len + strlen(SEPARATOR);
                size -= len + strlen(SEPARATOR);
        }
        while (count--) {
                cleanup_strbuf struct strbuf text = {};
                cleanup_free char *path = NULL;
                struct digest digest;

                strbuf_adds(&text, "");
                for (size_t i = 0; i < parts[count].len; i++) {
                        const char *at = parts[count].text + i;
                        size_t named = i + 1 < parts[count].len ? (size_t)(at[1] - '0') : 0;

                        if (*at == '@' && named < PARTS_MAX && *digests[named]) {
                                strbuf_adds(&text, digests[named]);
                                i++;
                        } else {
                                strbuf_addc(&text, *at);
                        }
                }
                digest_of(text.data, text.len, &digest);
                digest_format(&digest, digests[count]);
                path = string_format("blobs/sha256/%s", digests[count] + strlen("sha256:"));
                write_file(root, count ? path : "index.json", &text);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup_error struct error err = {};
        cleanup_image struct image *image = NULL;
        cleanup_free char *store = NULL;
        cleanup_close int root = -1;
        char path[] = "/tmp/davit-fuzz-XXXXXX";
        struct build build = { .lock = PTHREAD_MUTEX_INITIALIZER };

        if (!mkdtemp(path))
                return 0;
        store = string_format("%s/store", path);
        root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0 || directory_make(root, "blobs/sha256", 0755, NULL) < 0 ||
            store_open(store, &build.store, NULL) < 0)
                abort();
        write_layout(root, (const char *)data, size);
        build_layout_load(&build, root, "layout", &image, &err);
        free(build.holds);
        store_close(build.store);
        tree_remove(AT_FDCWD, path, NULL);
        return 0;
}
