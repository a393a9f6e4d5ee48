//! The tables, and what is in them.

use rusqlite::{Connection, Transaction, params};

use super::{
    random::Random,
    words::{
        CATEGORIES, CITIES, EVENTS, FIRST_NAMES, LAST_NAMES, MATERIALS, OPINIONS, QUALITIES, THINGS,
    },
};

const CUSTOMERS: i64 = 2000;
const SUPPLIERS: i64 = 60;
const PRODUCTS: i64 = 1200;
const IMAGES: i64 = 120;
const ORDERS: i64 = 10_000;
const REVIEWS: i64 = 6000;
const EVENT_COUNT: i64 = 100_000;

/// A declared type that holds `TEXT` gets text affinity, so that a decimal keeps
/// every digit; `DECIMAL` alone would turn `1.10` into a real number.
const SCHEMA: &str = "
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    parent_id INTEGER REFERENCES categories(id));
CREATE TABLE suppliers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL,
    website TEXT);
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL,
    category_id INTEGER NOT NULL REFERENCES categories(id),
    supplier_id INTEGER NOT NULL REFERENCES suppliers(id),
    price DECIMAL_TEXT(10,2) NOT NULL, weight_kg REAL, barcode BIGINT NOT NULL UNIQUE,
    discontinued_at TIMESTAMP);
CREATE TABLE product_images (id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products(id), mime_type TEXT NOT NULL,
    thumbnail BLOB NOT NULL);
CREATE TABLE inventory (product_id INTEGER NOT NULL REFERENCES products(id),
    warehouse TEXT NOT NULL, quantity INTEGER NOT NULL,
    PRIMARY KEY (product_id, warehouse)) WITHOUT ROWID;
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE,
    loyalty_number BIGINT NOT NULL, joined_at TIMESTAMP NOT NULL, notes TEXT);
CREATE TABLE addresses (id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers(id), street TEXT NOT NULL,
    city TEXT NOT NULL, country TEXT NOT NULL, is_default BOOLEAN NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers(id),
    address_id INTEGER REFERENCES addresses(id), ordered_at TIMESTAMP NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'sent', 'returned')));
CREATE TABLE order_items (order_id INTEGER NOT NULL REFERENCES orders(id),
    line INTEGER NOT NULL, product_id INTEGER NOT NULL REFERENCES products(id),
    quantity INTEGER NOT NULL, unit_price DECIMAL_TEXT(10,2) NOT NULL,
    PRIMARY KEY (order_id, line)) WITHOUT ROWID;
CREATE TABLE payments (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),
    amount DECIMAL_TEXT(12,2) NOT NULL, currency TEXT NOT NULL, paid_at TIMESTAMP);
CREATE TABLE reviews (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products(id),
    customer_id INTEGER REFERENCES customers(id), stars INTEGER NOT NULL,
    title TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE events (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id),
    kind TEXT NOT NULL, product_id INTEGER REFERENCES products(id), happened_at TIMESTAMP NOT NULL,
    duration_ms INTEGER);
CREATE VIEW order_totals AS
    SELECT order_id, count(*) AS lines, sum(quantity) AS pieces FROM order_items GROUP BY order_id;
CREATE VIRTUAL TABLE products_text USING fts5(name, description, content=products, content_rowid=id);
CREATE VIRTUAL TABLE reviews_text USING fts5(title, body, content=reviews, content_rowid=id);
";

const AFTER: &str = "
CREATE INDEX products_by_category ON products(category_id);
CREATE INDEX addresses_by_customer ON addresses(customer_id);
CREATE INDEX orders_by_customer ON orders(customer_id);
CREATE INDEX payments_by_order ON payments(order_id);
CREATE INDEX reviews_by_product ON reviews(product_id);
CREATE INDEX events_by_time ON events(happened_at);
INSERT INTO products_text(products_text) VALUES ('rebuild');
INSERT INTO reviews_text(reviews_text) VALUES ('rebuild');
";

/// Makes all tables and fills them.
pub(super) fn fill(database: &mut Connection) -> rusqlite::Result<()> {
    // It is moved into its place only when it is whole: no journal, no waiting for the disk.
    database.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let transaction = database.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    let random = &mut Random::new(42);
    categories(&transaction)?;
    suppliers(&transaction, random)?;
    products(&transaction, random)?;
    customers(&transaction, random)?;
    orders(&transaction, random)?;
    reviews(&transaction, random)?;
    events(&transaction, random)?;
    transaction.execute_batch(AFTER)?;
    transaction.commit()?;
    database.execute_batch("ANALYZE")
}

fn categories(to: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut insert = to.prepare("INSERT INTO categories VALUES (?1, ?2, ?3)")?;
    for (id, name) in (1..).zip(CATEGORIES) {
        insert.execute(params![id, name, None::<i64>])?;
        insert.execute(params![id + 100, format!("{name}, second hand"), id])?;
    }
    Ok(())
}

fn suppliers(to: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let mut insert = to.prepare("INSERT INTO suppliers VALUES (?1, ?2, ?3, ?4)")?;
    for id in 1..=SUPPLIERS {
        let name = format!(
            "{} & {}",
            random.pick(&LAST_NAMES),
            random.pick(&LAST_NAMES)
        );
        let (_, country) = city(random);
        let website = (!random.once_in(5)).then(|| format!("https://supplier-{id}.example"));
        insert.execute(params![id, name, country, website])?;
    }
    Ok(())
}

fn products(to: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let mut product =
        to.prepare("INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    let mut image = to.prepare("INSERT INTO product_images VALUES (?1, ?2, ?3, ?4)")?;
    let mut stock = to.prepare("INSERT INTO inventory VALUES (?1, ?2, ?3)")?;
    for id in 1..=PRODUCTS {
        let (material, thing) = (random.pick(&MATERIALS), random.pick(&THINGS));
        let quality = random.pick(&QUALITIES);
        let name = format!("{} {thing}", capitalised(material));
        let description = format!(
            "A {quality} {thing} of {material}, {} and made to last.",
            random.pick(&QUALITIES)
        );
        let category = random.within(1, 12) + if random.once_in(6) { 100 } else { 0 };
        let weight = (!random.once_in(9)).then(|| random.within(1, 9000) as f64 / 1000.0);
        // Beyond what a double can hold exactly: 2^53 + 1 and on.
        let barcode = 9_007_199_254_740_993 + id * 2;
        let gone = random.once_in(25).then(|| time(random));
        let (supplier, price) = (random.within(1, SUPPLIERS), money(random, 50_000));
        product.execute(params![
            id,
            name,
            description,
            category,
            supplier,
            price,
            weight,
            barcode,
            gone
        ])?;
        if id <= IMAGES {
            let bytes: Vec<u8> = (0..256).flat_map(|_| random.next().to_le_bytes()).collect();
            image.execute(params![id, id, "image/png", bytes])?;
        }
        for warehouse in ["north", "south"] {
            stock.execute(params![id, warehouse, random.within(0, 500)])?;
        }
    }
    Ok(())
}

fn customers(to: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let mut customer = to.prepare("INSERT INTO customers VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut address = to.prepare("INSERT INTO addresses VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for id in 1..=CUSTOMERS {
        let name = format!("{} {}", random.pick(&FIRST_NAMES), random.pick(&LAST_NAMES));
        let email = (!random.once_in(12)).then(|| format!("customer{id}@example.org"));
        let loyalty = if id == 1 {
            i64::MAX
        } else {
            i64::MAX - random.within(1, 1 << 40)
        };
        // The same letter, composed and as a base with a combining mark.
        let notes = match random.below(20) {
            0 => Some("prefers caf\u{e9} deliveries ☕"),
            1 => Some("prefers cafe\u{301} deliveries"),
            2 => Some(""),
            _ => None,
        };
        customer.execute(params![id, name, email, loyalty, time(random), notes])?;
        let (town, country) = city(random);
        let street = format!(
            "{} Street {}",
            random.pick(&LAST_NAMES),
            random.within(1, 200)
        );
        address.execute(params![id, id, street, town, country, true])?;
    }
    Ok(())
}

fn orders(to: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let mut order = to.prepare("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut item = to.prepare("INSERT INTO order_items VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut payment = to.prepare("INSERT INTO payments VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for id in 1..=ORDERS {
        let customer = random.within(1, CUSTOMERS);
        let address = (!random.once_in(30)).then_some(customer);
        let status = random.pick(&["open", "paid", "paid", "sent", "sent", "sent", "returned"]);
        order.execute(params![id, customer, address, time(random), status])?;
        for line in 1..=random.within(1, 4) {
            let (product, pieces) = (random.within(1, PRODUCTS), random.within(1, 5));
            item.execute(params![id, line, product, pieces, money(random, 50_000)])?;
        }
        if status != "open" {
            let paid_at = (!random.once_in(40)).then(|| time(random));
            let currency = random.pick(&["EUR", "EUR", "USD", "JPY", "CHF"]);
            payment.execute(params![id, id, money(random, 900_000), currency, paid_at])?;
        }
    }
    Ok(())
}

fn reviews(to: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let mut insert = to.prepare("INSERT INTO reviews VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for id in 1..=REVIEWS {
        let product = random.within(1, PRODUCTS);
        let customer = (!random.once_in(15)).then(|| random.within(1, CUSTOMERS));
        let (quality, thing) = (random.pick(&QUALITIES), random.pick(&THINGS));
        let title = format!("{} {thing}", capitalised(quality));
        let body = format!(
            "This {thing} is {quality}: {}. Also, {}.",
            random.pick(&OPINIONS),
            random.pick(&OPINIONS)
        );
        insert.execute(params![
            id,
            product,
            customer,
            random.within(1, 5),
            title,
            body
        ])?;
    }
    Ok(())
}

fn events(to: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<()> {
    let mut insert = to.prepare("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for id in 1..=EVENT_COUNT {
        let customer = (!random.once_in(4)).then(|| random.within(1, CUSTOMERS));
        let product = (!random.once_in(3)).then(|| random.within(1, PRODUCTS));
        let duration = (!random.once_in(10)).then(|| random.within(1, 60_000));
        let kind = random.pick(&EVENTS);
        insert.execute(params![id, customer, kind, product, time(random), duration])?;
    }
    Ok(())
}

fn city(random: &mut Random) -> (&'static str, &'static str) {
    let index = usize::try_from(random.below(CITIES.len() as u64)).unwrap_or(0);
    CITIES[index]
}

/// A moment of the years 2023 to 2025, as ISO 8601 in UTC.
fn time(random: &mut Random) -> String {
    format!(
        "{}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        random.within(2023, 2025),
        random.within(1, 12),
        random.within(1, 28),
        random.within(0, 23),
        random.within(0, 59),
        random.within(0, 59),
    )
}

/// An amount up to so many hundredths, with two digits after the point.
fn money(random: &mut Random, hundredths: i64) -> String {
    let amount = random.within(1, hundredths);
    format!("{}.{:02}", amount / 100, amount % 100)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
