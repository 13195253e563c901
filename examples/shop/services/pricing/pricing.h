#ifndef PRICING_H
#define PRICING_H

struct sqlite3;

/* Reads the price list, a file of SQL statements, into a database in memory. Returns NULL and says why on failure. */
struct sqlite3 *prices_load(const char *file);

/* The price of one piece in cents when `quantity` pieces are bought, or -1 when the item is not in the list. */
int prices_find(struct sqlite3 *prices, const char *sku, int quantity);

/* Writes the whole HTTP answer for `request` into `answer` and returns its length. */
int answer_request(struct sqlite3 *prices, const char *request, char *answer, int room);

#endif
