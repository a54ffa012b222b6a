#include "api/progress.h"

int progress_message(void *arg, json_object *message, struct error *err)
{
        struct progress *p = arg;

        if (!p->sink && response_stream(p->res, 200, "application/json", false, &p->sink, err) < 0)
                return -1;
        return response_progress(p->sink, message, err);
}

int progress_end(struct progress *p, int r, struct error *err)
{
        if (r < 0)
                return p->sink ? response_progress_error(p->sink, err) : -1;
        return p->sink ? 0 : response_empty(p->res, 200, err);
}
