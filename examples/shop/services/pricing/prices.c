#include "pricing.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (!file)
        return NULL;
    char *text = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        rewind(file);
        text = size < 0 ? NULL : calloc((size_t)size + 1, 1);
        if (text && fread(text, 1, (size_t)size, file) != (size_t)size) {
            free(text);
            text = NULL;
        }
    }
    fclose(file);
    return text;
}

sqlite3 *prices_load(const char *file)
{
    char *statements = read_file(file);
    if (!statements) {
        perror(file);
        return NULL;
    }
    sqlite3 *prices = NULL;
    if (sqlite3_open(":memory:", &prices) != SQLITE_OK ||
        sqlite3_exec(prices, statements, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", file, sqlite3_errmsg(prices));
        sqlite3_close(prices);
        prices = NULL;
    }
    free(statements);
    return prices;
}

int prices_find(sqlite3 *prices, const char *sku, int quantity)
{
    static const char query[] = "SELECT cents FROM price WHERE sku = ?1 AND from_quantity <= ?2"
                                " ORDER BY from_quantity DESC LIMIT 1";
    sqlite3_stmt *statement;
    int cents = -1;
    if (sqlite3_prepare_v2(prices, query, -1, &statement, NULL) != SQLITE_OK)
        return -1;
    sqlite3_bind_text(statement, 1, sku, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, quantity);
    if (sqlite3_step(statement) == SQLITE_ROW)
        cents = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return cents;
}

static int respond(char *answer, int room, const char *status, const char *body)
{
    return snprintf(answer, (size_t)room,
                    "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                    status, strlen(body), body);
}

int answer_request(sqlite3 *prices, const char *request, char *answer, int room)
{
    char sku[33];
    char body[128];
    int quantity = 1;
    if (strncmp(request, "GET /healthz ", 13) == 0)
        return respond(answer, room, "200 OK", "{\"status\":\"ok\"}\n");
    /* The set of letters keeps everything out of the answer that JSON would have to escape. */
    if (sscanf(request, "GET /price?sku=%32[a-z0-9-]&quantity=%6d", sku, &quantity) < 1 || quantity < 1)
        return respond(answer, room, "400 Bad Request", "{\"error\":\"ask for /price?sku=NAME&quantity=N\"}\n");
    int cents = prices_find(prices, sku, quantity);
    if (cents < 0)
        return respond(answer, room, "404 Not Found", "{\"error\":\"there is no such item\"}\n");
    snprintf(body, sizeof body, "{\"sku\":\"%s\",\"quantity\":%d,\"total_cents\":%lld}\n", sku, quantity,
             (long long)cents * quantity);
    return respond(answer, room, "200 OK", body);
}
