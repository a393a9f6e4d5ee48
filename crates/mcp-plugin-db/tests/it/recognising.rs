//! Which dialect a server speaks, where it does not show at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mcp_plugin_db::DatabasePlugin;
use mcp_transport::{ClientConnector, Lifecycle};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, split};

/// A server that shows its tools from the second time on that it is asked for them.
async fn serve(stream: DuplexStream, asked: Arc<AtomicUsize>) {
    let (input, mut output) = split(stream);
    let mut lines = BufReader::new(input).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let request: Value = serde_json::from_str(&line).unwrap();
        let tool = |name| json!({ "name": name, "inputSchema": { "type": "object" } });
        let mut result = match request["method"].as_str() {
            Some("server/discover") => json!({
                "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
                "serverInfo": { "name": "shy", "version": "1" }
            }),
            Some("tools/list") if asked.fetch_add(1, Ordering::Relaxed) > 0 => {
                json!({ "tools": [tool("execute_sql"), tool("search_objects")] })
            }
            _ => json!({ "tools": [] }),
        };
        result["resultType"] = json!("complete");
        result["cacheScope"] = json!("private");
        result["ttlMs"] = json!(0);
        let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
        let answer = format!("{answer}\n");
        output.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_was_not_known_is_looked_at_again_and_one_that_was_is_not() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let connector = ClientConnector::in_process(move |stream| serve(stream, Arc::clone(&count)));
    let connector = connector.with_lifecycle(Lifecycle::Discover);
    let plugin = DatabasePlugin::builder(connector).build();
    let mut dialects = Vec::new();
    for _ in 0..4 {
        dialects.push(plugin.server().await.unwrap().dialect);
    }
    let dbhub = || Some("dbhub".to_owned());
    assert_eq!(dialects, [None, dbhub(), dbhub(), dbhub()]);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}
