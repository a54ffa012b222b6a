#include "engine/engine.h"

void event_publish(struct engine *engine, const char *type, const char *action, const char *id,
                   const struct strmap *attributes)
{
        event_log_publish(engine->events, type, action, id, attributes);
}
