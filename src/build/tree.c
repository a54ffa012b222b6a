#include "build/build-internal.h"

#include "base/time.h"
#include "store/layer.h"
#include "store/view.h"

#include <errno.h>
#include <sys/mount.h>

int step_tree_open(struct build *b, struct step_tree *ret, struct error *err)
{
        struct step_tree t = STEP_TREE_NONE;

        t.dirfd = store_tmp_directory(b->store, &t.name, err);
        if (t.dirfd < 0)
                return -1;
        t.path = string_format("%s/tmp/%s", b->store->root, t.name);
        if (mkdirat(t.dirfd, "upper", 0755) < 0 || mkdirat(t.dirfd, "work", 0700) < 0) {
                error_errno(err, "mkdir");
                step_tree_close(b, &t);
                return -1;
        }
        *ret = t;
        return 0;
}

static int set(int fs, const char *key, const char *value, struct error *err)
{
        if (fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0)
                return error_errno(err, "overlay: %s=%s", key, value);
        return 0;
}

static int add_lowers(int fs, char *const *lowers, struct error *err)
{
        cleanup_free char *joined = NULL;
        size_t i = 0;

        while (lowers[i] && fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", lowers[i], 0) == 0)
                i++;
        if (!lowers[i])
                return 0;
        if (i > 0 || errno != EINVAL)
                return error_errno(err, "overlay: %s", lowers[i]);
        joined = strv_join(lowers, ":");
        return set(fs, "lowerdir", joined, err);
}

int step_tree_mount(struct build *b, const struct stage_state *s, struct step_tree *t, struct error *err)
{
        cleanup_strv char **lowers = NULL;
        cleanup_free char *upper = string_format("%s/upper", t->path),
                          *work = string_format("%s/work", t->path);
        cleanup_close int fs = -1;

        if (layer_lowers(b->store, s->diff_ids, s->n_diff_ids, &lowers, err) < 0)
                return -1;
        fs = fsopen("overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return error_errno(err, "overlay");
        if (add_lowers(fs, lowers, err) < 0 || set(fs, "upperdir", upper, err) < 0 ||
            set(fs, "workdir", work, err) < 0)
                return -1;
        /* Nothing of it is needed after a crash. */
        (void)!fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return error_errno(err, "overlay: mount");
        t->root = fsmount(fs, FSMOUNT_CLOEXEC, 0);
        return t->root < 0 ? error_errno(err, "overlay: mount") : 0;
}

int step_tree_commit(struct build *b, struct step_tree *t, struct cache_record *ret, struct error *err)
{
        struct layer layer;

        if (t->root >= 0)
                close(take_fd(t->root));
        if (layer_from_upper(b->store, t->dirfd, "upper", b->epoch, &layer, err) < 0)
                return -1;
        build_hold(b, &layer.diff_id);
        *ret = (struct cache_record){ layer.diff_id, b->epoch >= 0 ? b->epoch : time_now() };
        return 0;
}

void step_tree_close(struct build *b, struct step_tree *t)
{
        if (t->root >= 0)
                close(t->root);
        if (t->dirfd >= 0)
                close(t->dirfd);
        if (t->name)
                store_tmp_remove(b->store, t->name);
        free(t->name);
        free(t->path);
        *t = STEP_TREE_NONE;
}

int build_view(struct build *b, const struct digest *diff_ids, size_t count, struct error *err)
{
        cleanup_strv char **lowers = NULL;

        if (layer_lowers(b->store, diff_ids, count, &lowers, err) < 0)
                return -1;
        return layers_view(lowers, NULL, err);
}
