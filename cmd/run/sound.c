/* Sound, cut into frames of the network's length. */
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "run.h"

/* ---- what a frame is ---- */

int frame_size(const struct runner *r, const char *path, const struct model_port *port, int axis, int64_t *length,
               int64_t *hop)
{
    struct model_error err;
    const char *said = model_property(r->m, "frame");
    int64_t own = port->rank > axis && axis >= 0 ? port->dims[axis] : -1;
    *length = *hop = own;
    if (said && model_frame_parse(said, length, hop, &err) < 0)
        return say_failed("%s: %s", path_name(r->request->model), err.text);
    if (*length < 1)
        return say_failed("%s: input '%s' is %s, of any length: want --frame LENGTH[:HOP]", path, port->name,
                          port->text);
    return own >= 0 && own != *length ? say_failed("%s: frames of %lld: input '%s' wants %lld", path,
                                                   (long long)*length, port->name, (long long)own)
                                      : 0;
}

/* The input that asks for the rate, unless it was given; -1. */
static ptrdiff_t rate_input(const struct runner *r)
{
    for (size_t i = 0; i < r->input_count; i++)
        if (model_is_rate_input(r->m, i) && !r->given[i])
            return (ptrdiff_t)i;
    return -1;
}

/* ---- running ---- */

/* Frame number `frame` ends with its own samples; those before them are of the frames before. */
static void run_frame(struct runner *r, struct model_sound *sound, const char *path, size_t input, int64_t length,
                      int64_t hop)
{
    struct model_error err;
    int64_t begin = (int64_t)r->frame * hop;
    free(r->first); /* of an input given by name */
    r->first = get_copy(path);
    r->has_time = true;
    r->time = (double)begin / model_sound_rate(sound);
    model_tensor_free(r->in[input]);
    r->in[input] = model_sound_frame(sound, r->m, input, begin + hop - length, length, &err);
    r->given[input] = true;
    r->failed = !r->in[input];
    if (r->failed)
        say_failed("%s: %s", path, err.text);
    feed_run(r);
}

static void run_frames(struct runner *r, struct model_sound *sound, const char *path, size_t input)
{
    struct model_port port;
    int64_t length, hop;
    model_input(r->m, input, &port);
    for (int i = 0; i + 1 < port.rank; i++)
        if (port.dims[i] > 1) {
            r->status = say_failed("%s: input '%s' is %s, which takes no sound", path, port.name, port.text);
            return;
        }
    if (frame_size(r, path, &port, port.rank - 1, &length, &hop)) {
        r->status = 1;
        return;
    }
    stream_restart(r);
    int64_t samples;
    for (r->frame = 0; model_sound_reaches(sound, (int64_t)r->frame * hop); r->frame++) {
        run_frame(r, sound, path, input, length, hop);
        if (!r->ran)
            return; /* the states are lost, and with them the rest */
        samples = model_sound_length(sound);
        say_progress("running", r->frame + 1, samples < 0 ? 0 : (size_t)((samples + hop - 1) / hop));
    }
    samples = model_sound_length(sound);
    if (samples > 0 && !model_sound_reaches(sound, samples - 1))
        r->status = say_failed("%s: cut off: it states %lld samples", path, (long long)samples);
}

/* Runs with the rate in the place of the input that asks for it. */
static void run_at_rate(struct runner *r, struct model_sound *sound, const char *path, size_t input)
{
    struct model_error err;
    struct model_port port;
    ptrdiff_t at = rate_input(r);
    struct model_tensor *rate = at < 0 ? NULL : model_tensor_filled(r->m, (size_t)at, model_sound_rate(sound), &err);
    if (rate) {
        r->in[at] = rate;
        r->given[at] = r->kept[at] = true;
    }
    if (at >= 0 && !rate)
        r->status = say_failed("%s: %s", path, err.text);
    else
        run_frames(r, sound, path, input);
    if (rate && r->tried && !r->ran) {
        model_input(r->m, (size_t)at, &port);
        say_note("%s: input '%s' got the rate of the sound, %d a second; many take 16000 or 8000 alone: "
                 "resample the sound, or set %s=NUMBER",
                 path, port.name, model_sound_rate(sound), port.name);
    }
    if (rate) {
        model_tensor_free(rate);
        r->in[at] = NULL;
        r->given[at] = r->kept[at] = false;
    }
}

void feed_sound(struct runner *r, const char *path, ptrdiff_t input)
{
    struct model_error err;
    stream_start(r);
    if (input < 0)
        input = stream_input(r);
    struct model_sound *sound = model_sound_read(path, &err);
    if (!sound)
        r->status = say_failed("%s", err.text);
    else if (input < 0)
        r->status = say_failed("%s: the model has no input for sound", path);
    else
        run_at_rate(r, sound, path, (size_t)input);
    model_sound_free(sound);
}
