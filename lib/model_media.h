/* The rest of libmodel's public face, which model.h includes: parts of photos that a network found, for the next one;
 * the records that tell of them; drawings; sound and states. */
#ifndef MODEL_MEDIA_H
#define MODEL_MEDIA_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- parts of photos ---- */

/* A decoded photo, of which several inputs are to be made. Another thread may make both while the session runs. */
struct model_picture;

MODEL_API struct model_picture *model_session_picture(struct model_session *s, const char *path,
                                                      struct model_error *err);
/* The same of a file's bytes. */
MODEL_API struct model_picture *model_session_picture_of(struct model_session *s, const void *bytes, size_t n,
                                                         struct model_error *err);
/* How many bytes the first of the PNM or PAM pictures takes that follow each other from there on; SIZE_MAX: all, 0: it
 * is none of them, or damaged, or n bytes do not tell. */
MODEL_API size_t model_picture_size(const void *bytes, size_t n);
MODEL_API void model_picture_free(struct model_picture *picture); /* NULL is allowed */

/* Whether an input is told of the photo's size, by the names that it has in detectors of PaddleDetection (im_shape,
 * scale_factor), RT-DETR and its kin (orig_target_sizes), and older ones (image_shape, im_info); and its tensor, for
 * which boxes come in pixels of the input. */
MODEL_API bool model_is_size_input(const struct model *m, size_t input);
MODEL_API struct model_tensor *model_size_tensor(const struct model *m, size_t input, const struct model_photo *photo,
                                                 struct model_error *err);

/* Where something was found in a photo, in its pixels. */
struct model_place {
    int corners; /* 0: all of it; 2: a box, by its top left and bottom right corner; 4: a quadrilateral, its corners
                  * clockwise from what is its top left one when it is upright; 5: a face, by its eyes, nose and
                  * corners of the mouth; 6: a box, as of 2, and behind it two key points, for cut.aim */
    double x[5], y[5];
};

/* What MediaPipe's detectors of palms, faces and people found, as its next networks want it cut out: upright, by two of
 * the key points. */
enum model_aim { MODEL_AIM_NONE, MODEL_AIM_HAND, MODEL_AIM_FACE, MODEL_AIM_BODY };

/* How it is cut out. All 0: a box as it is, its corners truncated to pixels and to the photo; a quadrilateral as wide
 * and high as its longer sides, warped upright by the bicubic filter as warpPerspective() of OpenCV 4 does it. */
struct model_cut {
    double pad;  /* a box grows by this share of its sides on every side */
    bool square; /* then its shorter side grows to the longer */
    double tall; /* a quadrilateral at least so many times as high as wide is turned left by 90 degrees; 0: never */
    bool linear; /* the bilinear filter */
    bool affine; /* a box then grows to the proportion of the input's sides, and is warped to its size */
    bool align;  /* a face is turned, scaled and moved until its key points lie as nearly as can be where ArcFace has
                  * them in an input of that size */
    bool udp;    /* as affine, the box's sides lying on the middles of the outermost pixels (Huang et al. 2020) */
    enum model_aim aim; /* else a square around the box is turned, and warped to the input's size */
    int width; /* not 0: the input is to be as wide as others': no part becomes wider, and where the recipe ends with
                * a pad to a size, it pads to this width, if that is more */
    int turn;  /* degrees by which the part is turned clockwise, which are taken back: 0, 90, 180, 270 */
};

/* The part as model_session_photo() makes an input of a photo. Answers made with this `photo` are in pixels of the
 * whole. cut may be NULL. */
MODEL_API struct model_tensor *model_session_part(struct model_session *s, const struct model_picture *picture,
                                                  const struct model_place *place, const struct model_cut *cut,
                                                  struct model_photo *photo, struct model_error *err);

/* ---- records ---- */

/* A record of nnrun as a line of text: fields between tabs, or a JSON object. */
struct model_record;

enum model_field_kind {
    MODEL_FIELD_TEXT,   /* unescaped */
    MODEL_FIELD_WORD,   /* a number, true, false or null */
    MODEL_FIELD_BOX,    /* four numbers, blanks between them */
    MODEL_FIELD_POINTS, /* points, blanks between them; commas between their numbers */
    MODEL_FIELD_JSON    /* another array or object, as it stood there */
};

struct model_field {
    const char *name; /* in JSON; a line of text has none, and gets "field5" for what is not known */
    enum model_field_kind kind;
    const char *text;
};

/* n: without a newline at the end. */
MODEL_API struct model_record *model_record_read(const char *line, size_t n, struct model_error *err);
MODEL_API void model_record_free(struct model_record *record); /* NULL is allowed */
/* What these give lives as long as the record. */
MODEL_API bool model_record_field(const struct model_record *record, size_t index, struct model_field *field);
MODEL_API const char *model_record_path(const struct model_record *record); /* of the photo */
MODEL_API void model_record_place(const struct model_record *record, struct model_place *place);
/* The five key points of a face that it tells of; false: none. */
MODEL_API bool model_record_face(const struct model_record *record, struct model_place *place);
/* The box and the two key points that the aim goes by; false when there are no such. */
MODEL_API bool model_record_aim(const struct model_record *record, enum model_aim aim, struct model_place *place);
/* The label of the last answer of labels in it, and its score; NULL: none. */
MODEL_API const char *model_record_label(const struct model_record *record, double *score);

/* ---- drawing ---- */

/* A copy of a photo, to draw answers on. */
struct model_drawing;

MODEL_API struct model_drawing *model_drawing_new(const struct model_picture *picture, struct model_error *err);
MODEL_API void model_drawing_free(struct model_drawing *drawing); /* NULL is allowed */

/* Draws boxes, polygons, key points and their bones, masks, each in its label's colour and with its label and score; of
 * other answers their labels or text, at the place that they are about; a network's picture takes the photo's place.
 * Answers are counted from 1 on, over all calls: the number stands for a label or text with letters that are not
 * Latin. */
MODEL_API int model_drawing_add(struct model_drawing *drawing, const struct model_answers *answers,
                                const struct model_place *place, struct model_error *err);

/* As PNG; the message begins with the path. */
MODEL_API int model_drawing_write(const struct model_drawing *drawing, const char *path, struct model_error *err);

/* ---- streams ---- */

/* The output that is the next value of this input, as names ("h" and "h_out", "state" and "stateN", "h0" and "hn") and
 * types tell; -1 when there is none. */
MODEL_API ptrdiff_t model_state(const struct model *m, size_t input);

/* Zeros, a state's value at the beginning where the model has none; sizes that are open are 1. */
MODEL_API struct model_tensor *model_state_start(const struct model *m, size_t input, struct model_error *err);

/* "LENGTH" or "LENGTH:HOP": a run gets LENGTH samples, and the next begins HOP samples later, LENGTH unless given. Of a
 * longer frame the last HOP samples are new. */
MODEL_API int model_frame_parse(const char *text, int64_t *length, int64_t *hop, struct model_error *err);

/* Sound of a RIFF WAVE file: PCM, or floating point. It is read as far as it is asked for. */
struct model_sound;

MODEL_API struct model_sound *model_sound_read(const char *path, struct model_error *err); /* begins with the path */
MODEL_API void model_sound_free(struct model_sound *sound);                                /* NULL is allowed */
/* Whether an input asks for the rate, by its name: sr, rate, sample_rate, sampling_rate. */
MODEL_API bool model_is_rate_input(const struct model *m, size_t input);

MODEL_API int model_sound_rate(const struct model_sound *sound); /* samples a second */
/* How many samples there are, as the file states; -1: that is not known yet. */
MODEL_API int64_t model_sound_length(const struct model_sound *sound);
/* Whether there is a sample number `at`; waits for it. A file that is cut off has fewer than it states. */
MODEL_API bool model_sound_reaches(struct model_sound *sound, int64_t at);

/* Samples from ... from + n as a tensor for that input, whose other sizes are 1: the mean of all channels, in -1 ... 1
 * and then as the steps on values of the model's recipe have it, or 16-bit integers where it takes whole numbers.
 * Before the beginning and behind the end it is silent. `from` may not go back. */
MODEL_API struct model_tensor *model_sound_frame(struct model_sound *sound, const struct model *m, size_t input,
                                                 int64_t from, int64_t n, struct model_error *err);

/* Vectors as a tensor for that input, whose first size is 1 and whose second is n: values[n * the product of the other
 * sizes], which the steps on values of the model's recipe change. */
MODEL_API struct model_tensor *model_vector_frame(const struct model *m, size_t input, const float *values, int64_t n,
                                                  struct model_error *err);

#ifdef __cplusplus
}
#endif

#endif
