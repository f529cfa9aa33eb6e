#include <disco_worker.h>

/* Cuts what comes before the next `end` off `rest`: 1, or 0 when there is no `end`. */
static int cut(disco_slice *rest, char end, disco_slice *part) {
    const char *found = rest->len ? memchr(rest->data, end, rest->len) : NULL;
    if (!found) return 0;
    *part = disco_slice_of(rest->data, (size_t)(found - rest->data));
    *rest = disco_slice_of(found + 1, rest->len - part->len - 1);
    return 1;
}

static int append_line(disco_bytes *lines, disco_slice line) {
    int result = disco_bytes_append(lines, line.data, line.len);
    return result < 0 ? result : disco_bytes_append(lines, "\n", 1);
}

static int by_title(disco_task *task, disco_slice key, disco_slice row) {
    disco_bytes value = {0};
    disco_slice table, title, rest = row;
    int result;
    (void)key;
    if (!cut(&rest, '\t', &table) || !cut(&rest, '\t', &title))
        return disco_fail(task, DISCO_E_FATAL, "a row needs three columns: %.*s", (int)row.len, row.data);
    result = disco_bytes_append(&value, table.data, table.len + 1);
    if (result >= 0) result = disco_bytes_append(&value, rest.data, rest.len);
    if (result >= 0) result = disco_emit(task, title, disco_slice_of(value.data, value.len));
    disco_bytes_free(&value);
    return result;
}

/* Every year with every line; both are held as lines of text. */
static int emit_products(disco_task *task, disco_slice title, const disco_bytes *years, const disco_bytes *lines) {
    disco_slice year, line, left = disco_slice_of(years->data, years->len);
    disco_bytes value = {0};
    int result = 0;
    while (result >= 0 && cut(&left, '\n', &year)) {
        disco_slice right = disco_slice_of(lines->data, lines->len);
        while (result >= 0 && cut(&right, '\n', &line)) {
            value.len = 0;
            result = disco_bytes_append(&value, year.data, year.len);
            if (result >= 0) result = disco_bytes_append(&value, "\t", 1);
            if (result >= 0) result = disco_bytes_append(&value, line.data, line.len);
            if (result >= 0) result = disco_emit(task, title, disco_slice_of(value.data, value.len));
        }
    }
    disco_bytes_free(&value);
    return result;
}

static int join(disco_task *task, disco_slice title, disco_values *rows) {
    disco_bytes years = {0}, lines = {0};
    disco_slice row, table;
    int result = 0;
    while (result >= 0 && disco_next_value(rows, &row) > 0)
        if (cut(&row, '\t', &table))
            result = append_line(disco_slice_compare(table, disco_text("year")) == 0 ? &years : &lines, row);
    if (result >= 0) result = emit_products(task, title, &years, &lines);
    disco_bytes_free(&years);
    disco_bytes_free(&lines);
    return result;
}

int main(void) {
    disco_job job = {.map = by_title, .reduce = join};
    return disco_main(&job);
}
