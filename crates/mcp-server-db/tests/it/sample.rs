//! The sample database.

use std::{fs, thread};

use mcp_server_db::sample;
use serde_json::json;

use crate::client::{ask, client};

#[test]
fn it_is_the_same_to_the_byte_wherever_it_is_made() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = fs::read(sample::ensure(one.path()).unwrap()).unwrap();
    let two = fs::read(sample::ensure(two.path()).unwrap()).unwrap();
    assert!(one == two, "{} and {} bytes differ", one.len(), two.len());
}

#[test]
fn many_may_make_it_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        let makers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| sample::ensure(folder.path()).unwrap()))
            .collect();
        for maker in makers {
            assert!(maker.join().unwrap().is_file());
        }
    });
    // No draft is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let error = sample::ensure("/dev/null/nope".as_ref()).unwrap_err();
    assert!(error.to_string().contains("/dev/null/nope"), "{error}");
}

#[tokio::test]
async fn it_holds_what_programs_stumble_over() {
    let client = client().await;
    for (sql, least) in [
        ("SELECT count(*) FROM events", 100_000),
        ("SELECT count(*) FROM customers WHERE email IS NULL", 50),
        (
            "SELECT count(*) FROM customers WHERE loyalty_number > 9007199254740992",
            2000,
        ),
        (
            "SELECT count(*) FROM product_images WHERE typeof(thumbnail) = 'blob'",
            100,
        ),
        (
            "SELECT count(*) FROM products WHERE typeof(price) = 'text'",
            1000,
        ),
        (
            "SELECT count(*) FROM customers WHERE name GLOB '*[^ -~]*'",
            500,
        ),
        (
            "SELECT count(*) FROM reviews_text WHERE reviews_text MATCH 'kettle'",
            100,
        ),
    ] {
        let answer = ask(&client, "query", json!({ "sql": sql })).await;
        let count = answer["rows"][0][0].as_i64().unwrap();
        assert!(count >= least, "{sql}: {count}");
    }
    let broken = json!({ "sql": "SELECT count(*) FROM orders o LEFT JOIN customers c \
                                 ON c.id = o.customer_id WHERE c.id IS NULL" });
    assert_eq!(ask(&client, "query", broken).await["rows"][0][0], 0);
}
