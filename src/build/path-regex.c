#include "build/path-regex.h"

#include "base/str.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdio.h>

struct range {
        uint32_t low, high;
};
struct class
{
        struct range *ranges;
        size_t count;
        bool negated;
};

/* A program: tests consume a character, the others don't. */
enum op { OP_CLASS, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_BOUNDARY, OP_NO_BOUNDARY, OP_MATCH };
struct instruction_word {
        enum op op;
        size_t x, y; /* OP_CLASS: index of the class; OP_SPLIT, OP_JUMP: targets */
};

struct path_regex {
        struct instruction_word *code;
        size_t n_code;
        struct class *classes;
        size_t n_classes;
};

struct parser {
        struct path_regex *out;
        const char *at;
};

static int bad(struct error *err)
{
        return error_set(err, ERROR_INVALID, "syntax error in pattern");
}

static void emit(struct path_regex *r, enum op op, size_t x, size_t y)
{
        struct instruction_word w = { op, x, y };

        ARRAY_APPEND(r->code, r->n_code, w);
}

static void add_range(struct class *c, uint32_t low, uint32_t high)
{
        struct range range = { low, high };

        ARRAY_APPEND(c->ranges, c->count, range);
}

static void emit_class(struct path_regex *r, struct class c)
{
        emit(r, OP_CLASS, r->n_classes, 0);
        ARRAY_APPEND(r->classes, r->n_classes, c);
}

static bool in_class(const struct class *c, uint32_t rune)
{
        for (size_t i = 0; i < c->count; i++)
                if (rune >= c->ranges[i].low && rune <= c->ranges[i].high)
                        return !c->negated;
        return c->negated;
}

/* Named sets, as (low, high) pairs of ASCII characters. */
static const struct {
        const char *name, *pairs;
} sets[] = {
        { "alnum", "09AZaz" }, { "alpha", "AZaz" },   { "blank", "\t\t  " },  { "digit", "09" },
        { "graph", "!~" },     { "lower", "az" },     { "print", " ~" },      { "punct", "!/:@[`{~" },
        { "space", "\t\r  " }, { "upper", "AZ" },     { "word", "09AZaz__" }, { "xdigit", "09AFaf" },
        { "d", "09" },         { "s", "\t\n\f\r  " }, { "w", "09AZaz__" },
};

/* Adds a set, or everything but it. False when there is none of the name. */
static bool add_set(struct class *c, const char *name, size_t len, bool negated)
{
        for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
                uint32_t from = 0;

                if (strlen(sets[i].name) != len || strncmp(sets[i].name, name, len) != 0)
                        continue;
                for (const char *p = sets[i].pairs; *p; p += 2) {
                        if (negated && (uint32_t)p[0] > from)
                                add_range(c, from, (uint32_t)p[0] - 1);
                        if (!negated)
                                add_range(c, (uint32_t)p[0], (uint32_t)p[1]);
                        from = (uint32_t)p[1] + 1;
                }
                if (negated)
                        add_range(c, from, 0x10FFFF);
                return true;
        }
        return false;
}

static uint32_t take(struct parser *p)
{
        uint32_t rune;

        p->at += utf8_decode(p->at, strlen(p->at), &rune);
        return rune;
}

static int read_hex(struct parser *p, uint32_t *ret, struct error *err)
{
        uint32_t value = 0;
        int digits = 0;
        bool braces = *p->at == '{';

        for (p->at += braces; isxdigit((unsigned char)*p->at) && (braces || digits < 2); p->at++, digits++) {
                value = value * 16 +
                        (uint32_t)(isdigit((unsigned char)*p->at) ? *p->at - '0' : (*p->at | 32) - 'a' + 10);
                if (value > 0x10FFFF)
                        return bad(err);
        }
        if (digits == 0 || (!braces && digits < 2) || (braces && *p->at++ != '}'))
                return bad(err);
        *ret = value;
        return 0;
}

/* One character behind a backslash. */
static int read_escape(struct parser *p, uint32_t *ret, struct error *err)
{
        static const char letters[] = "a\af\fn\nr\rt\tv\v";
        char c = *p->at;

        if (c == 0 || (unsigned char)c >= 0x80)
                return bad(err);
        p->at++;
        if (!isalnum((unsigned char)c)) {
                *ret = (uint32_t)c;
                return 0;
        }
        if (c == 'x')
                return read_hex(p, ret, err);
        if (c == '0' || (c >= '1' && c <= '7' && *p->at >= '0' && *p->at <= '7')) {
                *ret = (uint32_t)(c - '0');
                for (int i = 0; i < 2 && *p->at >= '0' && *p->at <= '7'; i++)
                        *ret = *ret * 8 + (uint32_t)(*p->at++ - '0');
                return 0;
        }
        for (const char *l = letters; *l; l += 2) {
                if (*l == c) {
                        *ret = (uint32_t)l[1];
                        return 0;
                }
        }
        return bad(err);
}

static int read_class_rune(struct parser *p, uint32_t *ret, struct error *err)
{
        if (!*p->at)
                return bad(err);
        if (*p->at != '\\') {
                *ret = take(p);
                return 0;
        }
        p->at++;
        return read_escape(p, ret, err);
}

/* [:name:] or \d and the like. 1 when there was one. */
static int read_class_set(struct parser *p, struct class *c, struct error *err)
{
        const char *end;
        bool negated;

        if (p->at[0] == '[' && p->at[1] == ':' && (end = strstr(p->at + 2, ":]"))) {
                negated = p->at[2] == '^';
                if (!add_set(c, p->at + 2 + negated, (size_t)(end - p->at) - 2 - negated, negated))
                        return bad(err);
                p->at = end + 2;
                return 1;
        }
        if (p->at[0] == '\\' && p->at[1] && strchr("dswDSW", p->at[1])) {
                char name = (char)(p->at[1] | 32);

                add_set(c, &name, 1, p->at[1] < 'a');
                p->at += 2;
                return 1;
        }
        return 0;
}

static int read_class_items(struct parser *p, struct class *c, struct error *err)
{
        bool first = true;

        for (; *p->at != ']' || first; first = false) {
                uint32_t low, high;
                int r;

                if (!*p->at)
                        return bad(err);
                r = read_class_set(p, c, err);
                if (r < 0)
                        return -1;
                if (r > 0)
                        continue;
                if (read_class_rune(p, &low, err) < 0)
                        return -1;
                high = low;
                if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
                        p->at++;
                        if (read_class_rune(p, &high, err) < 0)
                                return -1;
                        if (high < low)
                                return bad(err);
                }
                add_range(c, low, high);
        }
        p->at++;
        return 0;
}

static int read_class(struct parser *p, struct error *err)
{
        struct class c = {};

        p->at++;
        if (*p->at == '^') {
                c.negated = true;
                p->at++;
        }
        if (read_class_items(p, &c, err) < 0) {
                free(c.ranges);
                return -1;
        }
        emit_class(p->out, c);
        return 0;
}

static void emit_rune(struct path_regex *r, uint32_t rune)
{
        struct class c = {};

        add_range(&c, rune, rune);
        emit_class(r, c);
}

static int read_backslash(struct parser *p, struct error *err)
{
        static const struct {
                char letter;
                enum op op;
        } marks[] = { { 'A', OP_BEGIN }, { 'z', OP_END }, { 'b', OP_BOUNDARY }, { 'B', OP_NO_BOUNDARY } };
        struct class c = {};
        uint32_t rune;

        for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
                if (p->at[1] == marks[i].letter) {
                        emit(p->out, marks[i].op, 0, 0);
                        p->at += 2;
                        return 0;
                }
        }
        if (p->at[1] && strchr("dswDSW", p->at[1])) {
                read_class_set(p, &c, err);
                emit_class(p->out, c);
                return 0;
        }
        if (p->at[1] == 'Q') { /* plain up to \E */
                for (p->at += 2; *p->at && strncmp(p->at, "\\E", 2) != 0;)
                        emit_rune(p->out, take(p));
                p->at += *p->at ? 2 : 0;
                return 0;
        }
        p->at++;
        if (read_escape(p, &rune, err) < 0)
                return -1;
        emit_rune(p->out, rune);
        return 0;
}

static int read_sequence(struct parser *p, int depth, struct error *err);

/* "(…)?" is the only group that patterns make. */
static int read_group(struct parser *p, int depth, struct error *err)
{
        size_t split = p->out->n_code;

        p->at++;
        emit(p->out, OP_SPLIT, split + 1, 0);
        if (read_sequence(p, depth + 1, err) < 0)
                return -1;
        if (*p->at != ')' || p->at[1] != '?')
                return bad(err);
        p->at += 2;
        p->out->code[split].y = p->out->n_code;
        return 0;
}

static int read_atom(struct parser *p, int depth, struct error *err)
{
        struct class any = { .negated = true };

        switch (*p->at) {
        case '[':
                return read_class(p, err);
        case '(':
                return depth < 2 ? read_group(p, depth, err) : bad(err);
        case '\\':
                return read_backslash(p, err);
        case '.':
                p->at++;
                add_range(&any, '\n', '\n');
                emit_class(p->out, any);
                return 0;
        case '^':
        case '$':
                emit(p->out, *p->at++ == '^' ? OP_BEGIN : OP_END, 0, 0);
                return 0;
        case '*':
        case '?':
        case '+':
                return bad(err);
        default:
                emit_rune(p->out, take(p));
                return 0;
        }
}

static int read_sequence(struct parser *p, int depth, struct error *err)
{
        while (*p->at && !(depth && *p->at == ')')) {
                size_t start = p->out->n_code;

                if (read_atom(p, depth, err) < 0)
                        return -1;
                if (*p->at != '*')
                        continue;
                p->at++;
                /* start: split(start + 1, end); atom; jump start */
                emit(p->out, OP_JUMP, 0, 0);
                memmove(p->out->code + start + 1, p->out->code + start,
                        (p->out->n_code - start - 1) * sizeof(*p->out->code));
                emit(p->out, OP_JUMP, start, 0);
                p->out->code[start] = (struct instruction_word){ OP_SPLIT, start + 1, p->out->n_code };
        }
        return 0;
}

int path_regex_new(const char *text, struct path_regex **ret, struct error *err)
{
        struct path_regex *r = xcalloc(1, sizeof(*r));
        struct parser p = { r, text };

        if (!utf8_valid(text, strlen(text)) || read_sequence(&p, 0, NULL) < 0) {
                path_regex_free(r);
                return bad(err);
        }
        emit(r, OP_MATCH, 0, 0);
        *ret = r;
        return 0;
}

void path_regex_free(struct path_regex *r)
{
        if (!r)
                return;
        for (size_t i = 0; i < r->n_classes; i++)
                free(r->classes[i].ranges);
        free(r->classes);
        free(r->code);
        free(r);
}

/* One step's view of the text: what stands before and after the position. */
struct position {
        bool begin, end, boundary;
};

static bool passes(enum op op, const struct position *at)
{
        switch (op) {
        case OP_BEGIN:
                return at->begin;
        case OP_END:
                return at->end;
        case OP_BOUNDARY:
                return at->boundary;
        case OP_NO_BOUNDARY:
                return !at->boundary;
        default:
                return false;
        }
}

/* Marks all states that can be reached from `pc` without reading. `stack` has room for two entries per
 * instruction. */
static void follow(const struct path_regex *r, size_t pc, const struct position *at, bool *states,
                   size_t *stack)
{
        size_t depth = 0;

        stack[depth++] = pc;
        while (depth) {
                const struct instruction_word *w;

                pc = stack[--depth];
                if (states[pc])
                        continue;
                states[pc] = true;
                w = &r->code[pc];
                if (w->op == OP_SPLIT) {
                        stack[depth++] = w->x;
                        stack[depth++] = w->y;
                } else if (w->op == OP_JUMP) {
                        stack[depth++] = w->x;
                } else if (passes(w->op, at)) {
                        stack[depth++] = pc + 1;
                }
        }
}

static bool is_word(uint32_t rune)
{
        return rune < 0x80 && (isalnum((int)rune) || rune == '_');
}

bool path_regex_match(const struct path_regex *r, const char *s)
{
        cleanup_free bool *states = xcalloc(r->n_code, 1), *then = xcalloc(r->n_code, 1);
        cleanup_free size_t *stack = xcalloc(2 * r->n_code + 2, sizeof(*stack));
        size_t left = strlen(s);
        bool before = false;
        uint32_t rune;
        size_t n = utf8_decode(s, left, &rune);
        struct position at = { true, n == 0, n && is_word(rune) };

        follow(r, 0, &at, states, stack);
        while (n) {
                uint32_t current = rune;

                s += n;
                left -= n;
                n = utf8_decode(s, left, &rune);
                before = is_word(current);
                at = (struct position){ false, n == 0, before != (n && is_word(rune)) };
                memset(then, 0, r->n_code);
                for (size_t pc = 0; pc < r->n_code; pc++)
                        if (states[pc] && r->code[pc].op == OP_CLASS &&
                            in_class(&r->classes[r->code[pc].x], current))
                                follow(r, pc + 1, &at, then, stack);
                memcpy(states, then, r->n_code);
        }
        return states[r->n_code - 1];
}
