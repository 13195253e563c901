-- The price of one piece, in cents, from a quantity on.
CREATE TABLE price (
    sku TEXT NOT NULL,
    from_quantity INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    PRIMARY KEY (sku, from_quantity)
);
INSERT INTO price VALUES
    ('mug', 1, 900),
    ('mug', 10, 800),
    ('tea', 1, 650),
    ('tea', 6, 600),
    ('coffee', 1, 1250),
    ('teapot', 1, 3900);
