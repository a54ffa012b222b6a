#include "store/image-store.h"

#include "base/fd.h"
#include "store/tree.h"
#include "suite.h"

SUITE(image_store);

static struct store *open_store(int *ret_fd, char **ret_path)
{
        cleanup_error struct error err = {};
        cleanup_free char *root = NULL;
        struct store *store;

        *ret_fd = tree_new_folder(ret_path);
        root = string_format("%s/data", *ret_path);
        ck_assert_msg(store_open(root, &store, &err) == 0, "%s", error_message(&err));
        return store;
}

static struct digest make_image(struct store *store, const char *author, const struct digest *parent)
{
        cleanup_error struct error err = {};
        struct image_config c = { .author = (char *)(uintptr_t)author,
                                  .architecture = (char[]){ "amd64" },
                                  .created = 5 };
        struct digest id;

        ck_assert_msg(image_create_config(store, &c, parent, NULL, &id, &err) == 0, "%s", error_message(&err));
        return id;
}

static void check_resolve(struct store *store, const char *name, const struct digest *want,
                          const char *message)
{
        cleanup_error struct error err = {};
        cleanup_image struct image *image = NULL;

        if (want) {
                ck_assert_msg(image_resolve(store, name, &image, &err) == 0, "%s", error_message(&err));
                ck_assert(digest_equal(&image->id, want));
        } else {
                ck_assert_int_eq(image_resolve(store, name, &image, &err), -1);
                ck_assert_str_eq(error_message(&err), message);
        }
}

TEST(names_and_ids)
{
        cleanup_error struct error err = {};
        cleanup_image struct image *image = NULL;
        struct digest first, second, old, *children;
        char hex[DIGEST_HEX_SIZE], *path;
        size_t count;
        int fd;
        struct store *store = open_store(&fd, &path);

        first = make_image(store, "one", NULL);
        second = make_image(store, "two", &first);
        ck_assert_int_eq(image_tag(store, "a", &first, &old, &err), 0);
        ck_assert(digest_is_zero(&old));
        ck_assert_int_eq(image_tag(store, "docker.io/library/a:latest", &second, &old, &err), 0);
        ck_assert(digest_equal(&old, &first));
        ck_assert_int_eq(image_tag(store, "x.y/a:1", &second, NULL, &err), 0);
        check_resolve(store, "a", &second, NULL);
        check_resolve(store, "library/a:latest", &second, NULL);
        check_resolve(store, "b", NULL, "No such image: b:latest");
        check_resolve(store, "bad name", NULL, "invalid reference format");
        digest_format_hex(&first, hex);
        check_resolve(store, hex, &first, NULL);
        hex[12] = '\0';
        check_resolve(store, hex, &first, NULL);
        ck_assert_int_eq(image_get(store, &second, &image, &err), 0);
        ck_assert_str_eq(image->tags[0], "a:latest");
        ck_assert_str_eq(image->tags[1], "x.y/a:1");
        ck_assert(digest_equal(&image->parent, &first));
        ck_assert_int_eq(image_children(store, &first, &children, &count, &err), 0);
        ck_assert_uint_eq(count, 1);
        free(children);
        ck_assert_int_eq(image_untag(store, "a", &err), 0);
        check_resolve(store, "a", NULL, "No such image: a:latest");
        ck_assert_int_eq(image_remove(store, &second, &err), 0);
        check_resolve(store, "x.y/a:1", NULL, "No such image: x.y/a:1");
        store_close(store);
        tree_drop_folder(fd, path);
}

TEST(an_image_needs_its_layers)
{
        static const char text[] =
            "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
            "\"sha256:690121bf892cdd3c1d850272c7bf07030230a7fd5175858c76089da8db2bcd91\"]}}";
        cleanup_error struct error err = {};
        struct digest id;
        char *path;
        int fd;
        struct store *store = open_store(&fd, &path);

        ck_assert_int_eq(image_create(store, text, strlen(text), NULL, &id, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
        store_close(store);
        tree_drop_folder(fd, path);
}
