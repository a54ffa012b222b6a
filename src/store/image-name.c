/* How what users type finds an image. */
#include "oci/reference.h"
#include "store/image-internal.h"

/* "No such image: NAME" with the tag that was meant. */
static int no_such_image(const char *name, struct error *err)
{
        return error_set(err, ERROR_NOT_FOUND, "No such image: %s", name);
}

static int resolve_id(struct store *store, const char *text, struct image **ret, struct error *err)
{
        struct digest id;

        if ((string_after(text, "sha256:") ? digest_parse(text, &id, err)
                                           : digest_parse_hex(text, &id, err)) < 0)
                return -1;
        return image_get(store, &id, ret, err);
}

/* A name with tag and digest means the digest. */
static char *stored_name(const struct reference *r)
{
        cleanup_free char *name = reference_familiar_name(r);

        return r->digest ? string_format("%s@%s", name, r->digest) : string_format("%s:%s", name, r->tag);
}

int image_resolve(struct store *store, const char *name, struct image **ret, struct error *err)
{
        cleanup_reference struct reference r = {};
        cleanup_free char *stored = NULL, *familiar = NULL;
        struct digest id;
        int found;

        if (reference_is_id(name) || (string_after(name, "sha256:") && reference_is_id(name + 7)))
                return resolve_id(store, name, ret, err);
        if (reference_parse(name, &r, err) < 0)
                return -1;
        reference_default_tag(&r);
        stored = stored_name(&r);
        found = image_name_get(store, stored, &id, err);
        if (found == 0)
                found = image_prefix_get(store, name, &id, err);
        if (found == 0 && r.digest) {
                familiar = reference_familiar(&r);
                return no_such_image(familiar, err);
        }
        if (found <= 0)
                return found < 0 ? -1 : no_such_image(stored, err);
        return image_get(store, &id, ret, err);
}

char *image_name_stored(const char *reference, bool *ret_digest, struct error *err)
{
        cleanup_reference struct reference r = {};

        if (reference_parse(reference, &r, err) < 0)
                return NULL;
        reference_default_tag(&r);
        *ret_digest = r.digest != NULL;
        return stored_name(&r);
}

int image_tag(struct store *store, const char *reference, const struct digest *id, struct digest *ret_old,
              struct error *err)
{
        bool is_digest = false;
        cleanup_free char *name = image_name_stored(reference, &is_digest, err);

        return name ? image_name_set(store, name, is_digest, id, ret_old, err) : -1;
}

int image_untag(struct store *store, const char *reference, struct error *err)
{
        bool is_digest = false;
        cleanup_free char *name = image_name_stored(reference, &is_digest, err);

        return name ? image_name_remove(store, name, err) : -1;
}
