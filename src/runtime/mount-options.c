#include "runtime/runtime-internal.h"

enum option_kind {
        OPTION_SET,       /* sets `bits` on the mount */
        OPTION_CLEAR,
        OPTION_REC_SET,   /* on the mount and all below it */
        OPTION_REC_CLEAR,
        OPTION_ATIME,     /* one of the exclusive atime modes */
        OPTION_REC_ATIME,
        OPTION_PROPAGATION,
        OPTION_SPECIAL,
        OPTION_IGNORE,    /* words of fstab that say nothing here */
};

static const struct mount_word {
        const char *name;
        enum option_kind kind;
        unsigned long bits;
} words[] = {
        { "ro", OPTION_SET, MOUNT_ATTR_RDONLY },
        { "rw", OPTION_CLEAR, MOUNT_ATTR_RDONLY },
        { "nosuid", OPTION_SET, MOUNT_ATTR_NOSUID },
        { "suid", OPTION_CLEAR, MOUNT_ATTR_NOSUID },
        { "nodev", OPTION_SET, MOUNT_ATTR_NODEV },
        { "dev", OPTION_CLEAR, MOUNT_ATTR_NODEV },
        { "noexec", OPTION_SET, MOUNT_ATTR_NOEXEC },
        { "exec", OPTION_CLEAR, MOUNT_ATTR_NOEXEC },
        { "nodiratime", OPTION_SET, MOUNT_ATTR_NODIRATIME },
        { "diratime", OPTION_CLEAR, MOUNT_ATTR_NODIRATIME },
        { "nosymfollow", OPTION_SET, MOUNT_ATTR_NOSYMFOLLOW },
        { "symfollow", OPTION_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
        { "noatime", OPTION_ATIME, MOUNT_ATTR_NOATIME },
        { "atime", OPTION_ATIME, MOUNT_ATTR_RELATIME },
        { "relatime", OPTION_ATIME, MOUNT_ATTR_RELATIME },
        { "norelatime", OPTION_ATIME, MOUNT_ATTR_STRICTATIME },
        { "strictatime", OPTION_ATIME, MOUNT_ATTR_STRICTATIME },
        { "nostrictatime", OPTION_ATIME, MOUNT_ATTR_RELATIME },
        { "rro", OPTION_REC_SET, MOUNT_ATTR_RDONLY },
        { "rrw", OPTION_REC_CLEAR, MOUNT_ATTR_RDONLY },
        { "rnosuid", OPTION_REC_SET, MOUNT_ATTR_NOSUID },
        { "rsuid", OPTION_REC_CLEAR, MOUNT_ATTR_NOSUID },
        { "rnodev", OPTION_REC_SET, MOUNT_ATTR_NODEV },
        { "rdev", OPTION_REC_CLEAR, MOUNT_ATTR_NODEV },
        { "rnoexec", OPTION_REC_SET, MOUNT_ATTR_NOEXEC },
        { "rexec", OPTION_REC_CLEAR, MOUNT_ATTR_NOEXEC },
        { "rnodiratime", OPTION_REC_SET, MOUNT_ATTR_NODIRATIME },
        { "rdiratime", OPTION_REC_CLEAR, MOUNT_ATTR_NODIRATIME },
        { "rnosymfollow", OPTION_REC_SET, MOUNT_ATTR_NOSYMFOLLOW },
        { "rsymfollow", OPTION_REC_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
        { "rnoatime", OPTION_REC_ATIME, MOUNT_ATTR_NOATIME },
        { "ratime", OPTION_REC_ATIME, MOUNT_ATTR_RELATIME },
        { "rrelatime", OPTION_REC_ATIME, MOUNT_ATTR_RELATIME },
        { "rnorelatime", OPTION_REC_ATIME, MOUNT_ATTR_STRICTATIME },
        { "rstrictatime", OPTION_REC_ATIME, MOUNT_ATTR_STRICTATIME },
        { "rnostrictatime", OPTION_REC_ATIME, MOUNT_ATTR_RELATIME },
        { "private", OPTION_PROPAGATION, MS_PRIVATE },
        { "rprivate", OPTION_PROPAGATION, MS_PRIVATE | MS_REC },
        { "shared", OPTION_PROPAGATION, MS_SHARED },
        { "rshared", OPTION_PROPAGATION, MS_SHARED | MS_REC },
        { "slave", OPTION_PROPAGATION, MS_SLAVE },
        { "rslave", OPTION_PROPAGATION, MS_SLAVE | MS_REC },
        { "unbindable", OPTION_PROPAGATION, MS_UNBINDABLE },
        { "runbindable", OPTION_PROPAGATION, MS_UNBINDABLE | MS_REC },
        { "bind", OPTION_SPECIAL, 'b' },
        { "rbind", OPTION_SPECIAL, 'B' },
        { "tmpcopyup", OPTION_SPECIAL, 'c' },
        { "idmap", OPTION_SPECIAL, 'i' },
        { "ridmap", OPTION_SPECIAL, 'I' },
        { "defaults", OPTION_IGNORE, 0 },
        { "remount", OPTION_IGNORE, 0 },
        { "loud", OPTION_IGNORE, 0 },
        { "async", OPTION_IGNORE, 0 },
        { "nomand", OPTION_IGNORE, 0 },
        { "noiversion", OPTION_IGNORE, 0 },
        { "nolazytime", OPTION_IGNORE, 0 },
        { "silent", OPTION_IGNORE, 0 },
};

unsigned long propagation_parse(const char *word)
{
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (words[i].kind == OPTION_PROPAGATION && streq(words[i].name, word))
                        return words[i].bits;
        return 0;
}

char **mount_option_names(void)
{
        char **list = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                strv_append(&list, words[i].name);
        for (const char *const *s = (const char *const[]){ "sync", "dirsync", "mand", "lazytime", "iversion", NULL }; *s; s++)
                strv_append(&list, *s);
        return list;
}

static void special(struct mount_options *o, unsigned long letter)
{
        o->bind = o->bind || letter == 'b' || letter == 'B';
        o->recursive_bind = o->recursive_bind || letter == 'B';
        o->copy_up = o->copy_up || letter == 'c';
        o->idmap = o->idmap || letter == 'i' || letter == 'I';
        o->recursive_idmap = o->recursive_idmap || letter == 'I';
}

static void apply(struct mount_options *o, const struct mount_word *word)
{
        unsigned long bits = word->bits;

        switch (word->kind) {
        case OPTION_SET:
                o->set |= bits;
                o->clear &= ~bits;
                break;
        case OPTION_CLEAR:
                o->clear |= bits;
                o->set &= ~bits;
                break;
        case OPTION_REC_SET:
                o->recursive_set |= bits;
                o->recursive_clear &= ~bits;
                break;
        case OPTION_REC_CLEAR:
                o->recursive_clear |= bits;
                o->recursive_set &= ~bits;
                break;
        case OPTION_ATIME:
                /* mount_setattr() wants the whole atime field cleared when a mode is set. */
                o->set = (o->set & ~(uint64_t)MOUNT_ATTR__ATIME) | bits;
                o->clear |= MOUNT_ATTR__ATIME;
                break;
        case OPTION_REC_ATIME:
                o->recursive_set = (o->recursive_set & ~(uint64_t)MOUNT_ATTR__ATIME) | bits;
                o->recursive_clear |= MOUNT_ATTR__ATIME;
                break;
        case OPTION_SPECIAL:
                special(o, bits);
                break;
        case OPTION_PROPAGATION:
        case OPTION_IGNORE:
                break;
        }
}

int mount_options_parse(char *const *options, struct mount_options *ret, struct error *err)
{
        cleanup_mount_options struct mount_options o = {};

        for (size_t i = 0; options && options[i]; i++) {
                const struct mount_word *word = NULL;

                for (size_t j = 0; j < ARRAY_SIZE(words) && !word; j++)
                        if (streq(words[j].name, options[i]))
                                word = &words[j];
                if (!word) {
                        strv_append(&o.filesystem, options[i]);
                } else if (word->kind == OPTION_PROPAGATION) {
                        if (o.n_propagation == ARRAY_SIZE(o.propagation))
                                return error_set(err, ERROR_INVALID, "too many propagation options");
                        o.propagation[o.n_propagation++] = word->bits;
                } else {
                        apply(&o, word);
                }
        }
        o.superblock_readonly = (o.set & MOUNT_ATTR_RDONLY) && !o.bind;
        *ret = o;
        memset(&o, 0, sizeof(o));
        return 0;
}

void mount_options_deinit(struct mount_options *options)
{
        strv_free(options->filesystem);
        options->filesystem = NULL;
}
