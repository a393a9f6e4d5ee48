-- A small shop, with a value of every type that is told in a way of its own.

CREATE ROLE reader LOGIN PASSWORD 'kept-secret';
GRANT pg_read_all_data TO reader;

CREATE TYPE status AS ENUM ('open', 'paid', 'sent');
CREATE DOMAIN amount AS numeric(12, 2) CHECK (VALUE >= 0);

CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email varchar(200) UNIQUE);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers (id),
    status status NOT NULL DEFAULT 'open',
    total amount NOT NULL);
CREATE INDEX orders_by_customer ON orders (customer_id);
CREATE TABLE reviews (
    id bigint PRIMARY KEY,
    title text NOT NULL,
    body text NOT NULL);
CREATE INDEX reviews_text ON reviews USING gin (to_tsvector('english', body));
CREATE VIEW order_totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY 1;
CREATE TABLE events (id bigint PRIMARY KEY, kind text NOT NULL);

CREATE SCHEMA archive;
CREATE TABLE archive.orders (id bigint, year int, PRIMARY KEY (year, id));
CREATE TABLE archive."Odd ""name""/%" ("a b" int);

INSERT INTO customers (name, email)
    SELECT 'Customer ' || n, nullif('c' || n || '@shop.example', 'c3@shop.example')
    FROM generate_series(1, 50) n;
INSERT INTO orders SELECT n, n % 50 + 1, 'paid', n * 1.25 FROM generate_series(1, 200) n;
INSERT INTO reviews VALUES
    (1, 'Good', 'A sturdy kettle, and it boils quickly.'),
    (2, 'Bad', 'These kettles leak. Not sturdy at all, a flimsy kettle.'),
    (3, 'Odd', 'I wanted 100% cotton_wool.');
INSERT INTO events SELECT n, 'click' FROM generate_series(1, 5000) n;
ANALYZE;
