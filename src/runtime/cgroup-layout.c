#include "runtime/cgroup-internal.h"

#include <errno.h>

/* Option words of a v1 hierarchy's superblock that are not controllers. */
static bool is_controller(const char *word)
{
        static const char *const others[] = { "rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods" };

        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (streq(others[i], word))
                        return false;
        return !string_after(word, "release_agent=") && *word;
}

static char *controllers_of(const char *options)
{
        cleanup_strv char **words = strv_split(options, ',');
        cleanup_strv char **list = NULL;

        for (size_t i = 0; words[i]; i++)
                if (is_controller(words[i]))
                        strv_append(&list, words[i]);
        return list ? strv_join(list, ",") : xstrdup("");
}

/* \040 and the like. */
static char *unescape(const char *s)
{
        char *out = xmalloc(strlen(s) + 1), *p = out;

        while (*s) {
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
                        *p++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
                        s += 4;
                } else {
                        *p++ = *s++;
                }
        }
        *p = '\0';
        return out;
}

static bool layout_has(const struct cgroup_layout *layout, const char *controllers, bool unified)
{
        for (size_t i = 0; i < layout->n_hierarchies; i++)
                if (layout->hierarchies[i].unified == unified && streq(layout->hierarchies[i].controllers, controllers))
                        return true;
        return false;
}

/* ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS [TAGS…] - TYPE SOURCE SUPEROPTIONS */
static void line_parse(const char *line, struct cgroup_layout *layout)
{
        cleanup_strv char **words = strv_split(line, ' ');
        size_t n = strv_length(words), dash = 6;
        struct cgroup_hierarchy h = {};
        const char *name;

        while (dash < n && !streq(words[dash], "-"))
                dash++;
        if (dash + 3 >= n || layout->n_hierarchies == CGROUP_HIERARCHIES_MAX)
                return;
        h.unified = streq(words[dash + 1], "cgroup2");
        if (!h.unified && !streq(words[dash + 1], "cgroup"))
                return;
        h.controllers = h.unified ? xstrdup("") : controllers_of(words[dash + 3]);
        if ((!h.unified && !*h.controllers) || layout_has(layout, h.controllers, h.unified)) {
                free(h.controllers);
                return;
        }
        h.mountpoint = unescape(words[4]);
        name = strrchr(h.mountpoint, '/');
        h.name = xstrdup(name ? name + 1 : h.mountpoint);
        layout->hierarchies[layout->n_hierarchies++] = h;
}

void cgroup_layout_parse(const char *mountinfo, struct cgroup_layout *ret)
{
        bool v1 = false, v2 = false;

        memset(ret, 0, sizeof(*ret));
        while (*mountinfo) {
                const char *end = strchrnul(mountinfo, '\n');
                cleanup_free char *line = xstrndup(mountinfo, (size_t)(end - mountinfo));

                line_parse(line, ret);
                mountinfo = *end ? end + 1 : end;
        }
        for (size_t i = 0; i < ret->n_hierarchies; i++) {
                v1 = v1 || !ret->hierarchies[i].unified;
                v2 = v2 || ret->hierarchies[i].unified;
        }
        ret->mode = !v1 ? CGROUP_V2 : v2 ? CGROUP_HYBRID : CGROUP_V1;
}

void cgroup_layout_deinit(struct cgroup_layout *layout)
{
        for (size_t i = 0; i < layout->n_hierarchies; i++) {
                free(layout->hierarchies[i].name);
                free(layout->hierarchies[i].controllers);
                free(layout->hierarchies[i].mountpoint);
        }
        memset(layout, 0, sizeof(*layout));
}

const struct cgroup_layout *cgroup_layout(void)
{
        static struct cgroup_layout layout;
        static bool known;
        cleanup_error struct error ignored = {};
        cleanup_free char *text = NULL;
        size_t len;

        if (!known) {
                if (file_read(AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text, &len, &ignored) == 0)
                        cgroup_layout_parse(text, &layout);
                known = true;
        }
        return &layout;
}

enum cgroup_mode cgroup_mode(void)
{
        return cgroup_layout()->mode;
}
