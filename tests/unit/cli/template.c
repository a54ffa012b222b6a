#include "cli/template.h"
#include "base/json.h"
#include "suite.h"

SUITE(template);

static const char data_text[] = "{\"Name\":\"/web\",\"Args\":[\"-c\",\"exit 2\"],\"Config\":{\"Labels\":{\"b.c\":\"1\",\"a\":\"2\"},\"User\":\"5\"},"
                                "\"State\":{\"Running\":false,\"ExitCode\":2},\"Init\":null,\"Binds\":null,\"Big\":12345678901}";

static int run(const char *text, unsigned flags, struct strbuf *out, struct error *err)
{
        cleanup_template struct template *template = NULL;
        cleanup_json json_object *data = NULL;
        struct template_options options = { .flags = flags };

        ck_assert_int_eq(json_parse_text(data_text, sizeof(data_text) - 1, &data, err), 0);
        if (template_compile(text, &template, err) < 0)
                return -1;
        return template_execute(template, data, &options, out, err);
}

static void check(const char *text, const char *want)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf out = {};

        ck_assert_msg(run(text, TEMPLATE_STRUCTS, &out, &err) == 0, "%s: %s", text, error_message(&err));
        ck_assert_str_eq(out.data ? out.data : "", want);
}

static void check_error(const char *text, const char *want)
{
        cleanup_error struct error err = {};
        cleanup_strbuf struct strbuf out = {};

        ck_assert_int_eq(run(text, TEMPLATE_STRUCTS, &out, &err), -1);
        ck_assert_str_eq(err.message, want);
}

TEST(values)
{
        check("{{.Name}} {{.Big}} {{.Args}} {{.Config.Labels}} {{.Init}} {{.Binds}} {{.State.Running}}", "/web 12345678901 [-c exit 2] map[a:2 b.c:1] <nil> [] false");
        check("{{.Config.Labels.nope}}|{{index .Config.Labels \"nope\"}}|{{index .Config.Labels \"b.c\"}}", "<no value>||1");
        check("{{json .Args}}{{json .Init}}", "[\"-c\",\"exit 2\"]null");
}

TEST(control)
{
        check("{{range .Args}}[{{.}}]{{end}}{{range .Binds}}x{{else}}none{{end}}", "[-c][exit 2]none");
        check("{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}};{{end}}", "a:2;b.c:1;");
        check("{{range $i, $a := .Args}}{{if $i}},{{end}}{{$a}}{{end}}", "-c,exit 2");
        check("{{with .Config}}{{.User}}{{end}}{{with .Init}}x{{else}}y{{end}}", "5y");
        check("{{if .State.Running}}up{{else if eq .State.ExitCode 2}}two{{else}}down{{end}}", "two");
        check("{{range .Args}}{{break}}{{end}}{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .Name}}", "</web>");
        check("a {{- \" b\" -}} \n c{{/* gone */}}{{$x := 1}}{{$x}}{{$x = 2}}{{$x}}", "a bc12");
}

TEST(functions)
{
        check("{{printf \"%s|%-5v|%q|%v|%05.1f\" .Name .State.ExitCode .Config.User .State.Running 2.5}}", "/web|2    |\"5\"|false|002.5");
        check("{{.Name | len | lt 0}} {{split .Name \"e\" | len}} {{join .Args \"+\"}} {{upper .Name}} {{index .Args 0 | printf \"%s!\"}}", "true 2 -c+exit 2 /WEB -c!");
        check("{{html \"<a>\"}} {{js \"it's\"}} {{urlquery \"a b\"}} {{or \"\" \"d\"}} {{and 1 0}} {{not 1}} {{slice .Name 1 3}} {{truncate .Name 2}}|{{pad \"x\" 1 2}}|{{title \"ab cd\"}}",
              "&lt;a&gt; it\\'s a+b d 0 false we /w| x  |Ab Cd");
        check("{{(index .Args 0)}}{{len .Binds}}{{println 1 2}}{{print 1 2 \"a\"}}", "-c01 2\n1 2a");
}

TEST(errors)
{
        check_error("{{.State.Nope}}", "template: :1:8: executing \"\" at <.State.Nope>: map has no entry for key \"Nope\"");
        check_error("{{.Name", "template: :1: unclosed action");
        check_error("{{", "template: :1: unclosed action");
        check_error("{{nofunc .Name}}", "template: :1: function \"nofunc\" not defined");
        check_error("{{if .Name}}x", "template: :1: unexpected EOF");
        check_error("x\n{{end}}", "template: :2: unexpected {{end}}");
        check_error("{{index .Args 9}}", "template: :1:2: executing \"\" at <index .Args 9>: error calling index: index out of range: 9");
        check_error("{{$y}}", "template: :1: undefined variable \"$y\"");
        check_error("{{eq 1 \"a\"}}", "template: :1:2: executing \"\" at <eq 1 \"a\">: error calling eq: incompatible types for comparison");
}
