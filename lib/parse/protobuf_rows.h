/* Short names for the rows of PROTOBUF_TYPE()'s tables: for the files that hold nothing else. */
#ifndef PARSE_PROTOBUF_ROWS_H
#define PARSE_PROTOBUF_ROWS_H

#include "parse/protobuf.h"

#define ROW(number, kind, name, type)                                                                                  \
    {                                                                                                                  \
        number, kind, name, type                                                                                       \
    }
#define INT(number, name)            ROW(number, PROTOBUF_INT, name, NULL)
#define FLOAT(number, name)          ROW(number, PROTOBUF_FLOAT, name, NULL)
#define STRING(number, name)         ROW(number, PROTOBUF_STRING, name, NULL)
#define BYTES(number, name)          ROW(number, PROTOBUF_SPAN8, name, NULL)
#define FLOATS(number, name)         ROW(number, PROTOBUF_SPAN32, name, NULL)
#define DOUBLE(number, name)         ROW(number, PROTOBUF_DOUBLE, name, NULL)
#define DOUBLES(number, name)        ROW(number, PROTOBUF_SPAN64, name, NULL)
#define MESSAGE(number, name, which) ROW(number, PROTOBUF_MESSAGE, name, &which##_type)

#endif
