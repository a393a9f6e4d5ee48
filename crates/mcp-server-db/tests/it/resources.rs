//! Tables as resources.

use std::{fs, os::unix::fs::symlink};

use rmcp::model::{PaginatedRequestParams, ReadResourceRequestParams, ResourceContents};

use crate::client::{Client, client};

async fn read(client: &Client, uri: &str) -> (String, String) {
    let result = client
        .read_resource(ReadResourceRequestParams::new(uri))
        .await
        .unwrap();
    match &result.contents[0] {
        ResourceContents::TextResourceContents {
            text, mime_type, ..
        } => (text.clone(), mime_type.clone().unwrap()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_table_has_two_that_can_be_read() {
    let client = client().await;
    let resources = client.list_all_resources().await.unwrap();
    assert_eq!(resources.len(), 26);
    for resource in resources {
        let (text, mime_type) = read(&client, &resource.uri).await;
        assert_eq!(Some(mime_type), resource.mime_type);
        assert!(!text.is_empty());
    }
    let (schema, _) = read(&client, "db://tables/orders/schema").await;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["columns"][0]["name"], "id");
    let (rows, _) = read(&client, "db://tables/order_items/rows").await;
    assert_eq!(
        rows.lines().next(),
        Some("order_id,line,product_id,quantity,unit_price")
    );
    assert_eq!(rows.lines().count(), 51);
    let (rows, mime_type) = read(&client, "db://tables/order_items/rows.md").await;
    assert_eq!(mime_type, "text/markdown");
    assert_eq!(rows.lines().nth(1), Some("| --- | --- | --- | --- | --- |"));
    assert_eq!(rows.lines().count(), 52);
}

async fn completed(client: &Client, template: &str, argument: &str, value: &str) -> Vec<String> {
    client
        .complete_resource_simple(template, argument, value)
        .await
        .unwrap()
}

#[tokio::test]
async fn names_of_tables_are_completed() {
    let client = client().await;
    let template = "db://tables/{table}/rows";
    assert_eq!(
        completed(&client, template, "table", "Ord").await,
        ["order_items", "order_totals", "orders"]
    );
    assert_eq!(completed(&client, template, "table", "").await.len(), 13);
    assert!(completed(&client, template, "table", "%").await.is_empty());
    for (template, argument) in [(template, "nope"), ("db://nope/{table}", "table")] {
        let wrong = client
            .complete_resource_simple(template, argument, "")
            .await;
        assert!(wrong.unwrap_err().to_string().contains("nope"));
    }
}

#[tokio::test]
async fn the_list_is_told_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.sqlite");
    let many = rusqlite::Connection::open(&path).unwrap();
    for n in 0..120 {
        many.execute_batch(&format!("CREATE TABLE t{n:03} (x)"))
            .unwrap();
    }
    let client = crate::client::client_of(&path).await;
    let first = client.list_resources(None).await.unwrap();
    assert_eq!(first.resources.len(), 100);
    let all = client.list_all_resources().await.unwrap();
    assert_eq!(all.len(), 240);
    assert_eq!(all[239].uri, "db://tables/t119/rows");
}

#[tokio::test]
async fn addresses_that_lead_nowhere_are_refused() {
    let client = client().await;
    for uri in [
        "db://tables/nope/schema",
        "db://tables/orders/nope",
        "db://tables/orders",
        "db://tables/../etc/schema",
        "db://tables/%2e%2e%2fetc/schema",
        "db://tables/orders%00/schema",
        "db://tables/%zz/schema",
        "db://tables/sqlite_schema/rows",
        "db://tables/reviews_text_data/rows",
        "db://tables/\"; DROP TABLE orders; --/rows",
        "file:///etc/passwd",
        "",
    ] {
        let params = ReadResourceRequestParams::new(uri);
        let error = client.read_resource(params).await.unwrap_err();
        assert!(
            error.to_string().contains("there is no resource"),
            "{uri}: {error}"
        );
    }
}

/// Names of tables are never paths: not even where there is a link of the same name.
#[tokio::test]
async fn a_name_that_is_a_path_leads_to_its_table_and_to_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("linked.sqlite");
    let secret = folder.path().join("secret");
    fs::write(&secret, "kept-secret").unwrap();
    for name in ["link", "rows"] {
        symlink(&secret, folder.path().join(name)).unwrap();
    }
    let link = folder.path().join("link").display().to_string();
    let database = rusqlite::Connection::open(&path).unwrap();
    for name in ["rows", "../rows", &link] {
        let sql = format!("CREATE TABLE \"{name}\" (x); INSERT INTO \"{name}\" VALUES ('a row')");
        database.execute_batch(&sql).unwrap();
    }
    let client = crate::client::client_of(&path).await;
    for resource in client.list_all_resources().await.unwrap() {
        let (text, _) = read(&client, &resource.uri).await;
        assert!(
            text.contains('x') && !text.contains("kept-secret"),
            "{text}"
        );
        if resource.uri.ends_with("/rows") {
            assert_eq!(text.lines().collect::<Vec<_>>(), ["x", "a row"]);
        }
    }
    for uri in ["db://tables/link/rows", "db://tables/secret/rows"] {
        let params = ReadResourceRequestParams::new(uri);
        let error = client.read_resource(params).await.unwrap_err();
        assert!(
            error.to_string().contains("there is no resource"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn templates_and_cursors_are_told() {
    let client = client().await;
    let templates = client.list_all_resource_templates().await.unwrap();
    assert_eq!(templates[0].uri_template, "db://tables/{table}/schema");
    let mut params = PaginatedRequestParams::default();
    params.cursor = Some("nonsense".into());
    let error = client.list_resources(Some(params)).await.unwrap_err();
    assert!(error.to_string().contains("nonsense"), "{error}");
}
