/* pricing: tells over HTTP what an item costs, with discounts by quantity. */
#include "pricing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PORT = 8080, REQUEST_ROOM = 4096, ANSWER_ROOM = 1024 };

static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static struct sockaddr_in address(in_addr_t host)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(host)};
    return a;
}

static void limit_waiting(int connection)
{
    /* One client is served at a time, so a silent one must not hold up the others for long. */
    struct timeval limit = {.tv_sec = 2};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static void serve_client(struct sqlite3 *prices, int connection)
{
    char request[REQUEST_ROOM] = "";
    char answer[ANSWER_ROOM];
    size_t length = 0;
    limit_waiting(connection);
    while (length < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
        ssize_t got = recv(connection, request + length, sizeof request - 1 - length, 0);
        if (got <= 0)
            return;
        length += (size_t)got;
        request[length] = '\0';
    }
    int size = answer_request(prices, request, answer, sizeof answer);
    for (int sent = 0; sent < size;) {
        ssize_t written = send(connection, answer + sent, (size_t)(size - sent), MSG_NOSIGNAL);
        if (written <= 0)
            return;
        sent += (int)written;
    }
}

static int serve(struct sqlite3 *prices)
{
    struct sockaddr_in here = address(INADDR_ANY);
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 64) < 0) {
        perror("pricing");
        return 1;
    }
    /* Without SA_RESTART a signal ends the waiting in accept; as process 1 the default action would be to ignore it. */
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    fprintf(stderr, "pricing serves on port %d\n", PORT);
    while (!stopping) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            continue;
        serve_client(prices, connection);
        close(connection);
    }
    close(listener);
    return 0;
}

/* Asks the running service, so that the health check of the image needs no other program. */
static int health(void)
{
    static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
    char answer[ANSWER_ROOM] = "";
    struct sockaddr_in there = address(INADDR_LOOPBACK);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0)
        return 1;
    limit_waiting(connection);
    if (connect(connection, (struct sockaddr *)&there, sizeof there) < 0 ||
        send(connection, request, sizeof request - 1, MSG_NOSIGNAL) < 0 ||
        recv(connection, answer, sizeof answer - 1, 0) <= 0)
        return 1;
    return strstr(answer, " 200 OK") ? 0 : 1;
}

static int expect(struct sqlite3 *prices, const char *request, const char *part)
{
    char answer[ANSWER_ROOM];
    answer_request(prices, request, answer, sizeof answer);
    if (strstr(answer, part))
        return 0;
    fprintf(stderr, "self-test: %s: expected %s in\n%s\n", request, part, answer);
    return 1;
}

static int self_test(struct sqlite3 *prices)
{
    int failures = expect(prices, "GET /healthz HTTP/1.1\r\n", "200 OK") +
                   expect(prices, "GET /price?sku=mug&quantity=1 HTTP/1.1\r\n", "\"total_cents\":900") +
                   expect(prices, "GET /price?sku=mug&quantity=10 HTTP/1.1\r\n", "\"total_cents\":8000") +
                   expect(prices, "GET /price?sku=sofa HTTP/1.1\r\n", "404 Not Found") +
                   expect(prices, "GET /price?sku=mug&quantity=-1 HTTP/1.1\r\n", "400 Bad Request") +
                   expect(prices, "POST /price HTTP/1.1\r\n", "400 Bad Request");
    puts(failures ? "self-test failed" : "self-test passed");
    return failures ? 1 : 0;
}

int main(int count, char **arguments)
{
    const char *task = count > 2 ? arguments[2] : "serve";
    if (count < 2) {
        fprintf(stderr, "usage: %s PRICES.sql [serve | self-test | health]\n", arguments[0]);
        return 2;
    }
    if (strcmp(task, "health") == 0)
        return health();
    struct sqlite3 *prices = prices_load(arguments[1]);
    if (!prices)
        return 1;
    return strcmp(task, "self-test") == 0 ? self_test(prices) : serve(prices);
}
