#include "base/json.h"
#include "base/time.h"
#include "suite.h"

SUITE(json);

struct port {
        char *ip;
        int number;
};
static const struct json_field port_fields[] = {
        JSON_FIELD("IP", struct port, ip, JSON_STRING),
        JSON_FIELD("Port", struct port, number, JSON_INT, JSON_OMIT_EMPTY),
};
static const struct json_table port_table = JSON_TABLE(struct port, port_fields);

struct ports {
        char *key;
        struct port *items;
        size_t count;
};

struct thing {
        char **cmd, **set;
        struct strmap labels;
        struct port first, *other;
        struct port *list;
        size_t n_list;
        struct ports *ports;
        size_t n_ports;
        bool *flag;
        uint64_t big;
        int64_t when;
};
static const struct json_field thing_fields[] = {
        JSON_FIELD("Cmd", struct thing, cmd, JSON_STRV, JSON_OR_STRING),
        JSON_FIELD("Set", struct thing, set, JSON_SET, JSON_OMIT_EMPTY),
        JSON_FIELD("Labels", struct thing, labels, JSON_STRMAP),
        JSON_FIELD_STRUCT("First", struct thing, first, JSON_STRUCT, port_table),
        JSON_FIELD_STRUCT("Other", struct thing, other, JSON_STRUCT_PTR, port_table, JSON_OMIT_EMPTY),
        JSON_FIELD_ARRAY("List", struct thing, list, n_list, JSON_ARRAY, port_table),
        JSON_FIELD_ARRAY("Ports", struct thing, ports, n_ports, JSON_MAP_ARRAYS, port_table),
        JSON_FIELD("Flag", struct thing, flag, JSON_BOOL_PTR),
        JSON_FIELD("Big", struct thing, big, JSON_UINT64),
        JSON_FIELD("When", struct thing, when, JSON_TIME),
};
static const struct json_table thing_table = JSON_TABLE(struct thing, thing_fields);

static void check_round(const char *in, const char *out)
{
        cleanup_error struct error err = {};
        cleanup_json json_object *tree = NULL;
        cleanup_free char *text = NULL;
        struct thing thing = {};

        ck_assert_msg(json_bind_text(&thing_table, in, strlen(in), &thing, &err) == 0, "%s", error_message(&err));
        tree = json_unbind(&thing_table, &thing);
        text = json_format(tree);
        ck_assert_str_eq(text, out);
        json_free_fields(&thing_table, &thing);
}

TEST(round_trip)
{
        check_round("{\"cmd\":\"a\",\"Set\":{\"y\":{},\"x\":{}},\"Labels\":{\"b\":\"1\",\"a\":\"/\"},\"First\":{\"Port\":8},\"Other\":{},"
                    "\"List\":[{\"IP\":\"::1\"}],\"Ports\":{\"80/tcp\":[{\"IP\":\"\",\"Port\":1}],\"9/udp\":null},\"Flag\":false,"
                    "\"Big\":18446744073709551615,\"When\":\"2026-01-02T03:04:05.120Z\",\"Unknown\":1}",
                    "{\"Cmd\":[\"a\"],\"Set\":{\"x\":{},\"y\":{}},\"Labels\":{\"a\":\"/\",\"b\":\"1\"},\"First\":{\"IP\":\"\",\"Port\":8},\"Other\":{\"IP\":\"\"},"
                    "\"List\":[{\"IP\":\"::1\"}],\"Ports\":{\"80/tcp\":[{\"IP\":\"\",\"Port\":1}],\"9/udp\":null},\"Flag\":false,"
                    "\"Big\":18446744073709551615,\"When\":\"2026-01-02T03:04:05.12Z\"}");
        check_round("{\"When\":\"0001-01-01T00:00:00Z\"}",
                    "{\"Cmd\":null,\"Labels\":null,\"First\":{\"IP\":\"\"},\"List\":null,\"Ports\":null,\"Flag\":null,\"Big\":0,\"When\":\"0001-01-01T00:00:00Z\"}");
}

static void check_error(const char *in, const char *want)
{
        cleanup_error struct error err = {};
        struct thing thing = {};

        ck_assert_int_eq(json_bind_text(&thing_table, in, strlen(in), &thing, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_INVALID);
        ck_assert_msg(strstr(err.message, want), "%s", err.message);
        json_free_fields(&thing_table, &thing);
}

TEST(errors_name_the_path)
{
        check_error("{\"List\":[{},{\"Port\":\"x\"}]}", "List: [1]: Port: json: cannot unmarshal string");
        check_error("{\"Ports\":{\"80/tcp\":[{\"Port\":99999999999}]}}", "Ports: [80/tcp]: [0]: Port");
        check_error("{\"Cmd\":[1]}", "Cmd: [0]");
        check_error("{\"Big\":-1}", "Big");
        check_error("{\"First\":[]}", "First");
        check_error("{\"a\":", "unexpected EOF");
        check_error("{} {}", "unexpected content");
        check_error("{\"a\":\"\xff\"}", "invalid JSON");
        check_error("{\"When\":\"x\"}", "invalid time");
}

TEST(durations)
{
        int64_t d;
        cleanup_free char *text = NULL;

        ck_assert_int_eq(duration_parse("1h2m3.5s", &d, NULL), 0);
        text = duration_format(d);
        ck_assert_str_eq(text, "1h2m3.5s");
        ck_assert_int_eq(duration_parse("10", &d, NULL), -1);
        ck_assert_int_eq(duration_parse("-1.5ms", &d, NULL), 0);
        ck_assert_int_eq(d, -1500000);
}
