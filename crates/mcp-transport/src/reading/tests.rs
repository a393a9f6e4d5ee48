//! What messages are taken for.

use serde_json::json;

use super::*;

type Message = RxJsonRpcMessage<RoleClient>;

#[test]
fn an_answer_is_what_the_sdk_takes_it_for() {
    let content = json!([{ "type": "text", "text": "done" }]);
    for result in [
        json!({ "content": content }),
        json!({ "content": content, "isError": true, "resultType": "complete" }),
        json!({ "content": [], "structuredContent": null, "_meta": { "a": 1 } }),
        json!({ "content": [], "structuredContent": { "rows": [1] } }),
        json!({ "content": [], "isError": null, "_meta": null, "resultType": null }),
        json!({ "content": content, "resultType": "input_required" }),
        json!({ "content": content, "resultType": "task" }),
        json!({ "content": content, "more": 1 }),
        json!({ "content": [
            { "type": "image", "data": "AA==", "mimeType": "image/png", "more": 1 },
            { "type": "audio", "data": "AA==", "mimeType": "audio/wav" },
            { "type": "resource_link", "uri": "file:///a", "name": "a", "size": 1 },
            { "type": "resource", "resource": { "uri": "file:///a", "blob": "AA==" } },
            { "type": "resource", "resource": { "uri": "file:///a", "text": "a" } },
            { "type": "text", "text": "a", "annotations": { "priority": 0.5 }, "_meta": {} },
        ] }),
        json!({ "content": [], "structuredContent": [u64::MAX, i64::MIN, 1e300, 0.1] }),
        json!({ "content": [], "taskId": "a", "status": "working" }),
        json!({ "content": [{ "type": "unknown" }] }),
        json!({ "content": [{ "type": "text" }] }),
        json!({ "content": "done" }),
        json!({ "structuredContent": 1 }),
        json!({ "isError": false }),
        json!({ "messages": [] }),
        json!({ "contents": [] }),
        json!({ "tools": [] }),
        json!({}),
        json!(null),
    ] {
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": result });
        let theirs: Message = serde_json::from_value(answer.clone()).unwrap();
        let ours = understand(answer.to_string().as_bytes());
        assert_eq!(format!("{ours:?}"), format!("{:?}", Some(theirs)));
    }
}

#[test]
fn what_no_call_waits_for_is_passed_over() {
    for line in [
        "",
        "\r",
        "  ",
        "hello",
        "{",
        "[]",
        "1",
        "{}",
        r#"{"jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":"of nothing"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"id":{}}"#,
    ] {
        assert!(understand(line.as_bytes()).is_none(), "{line}");
    }
    assert!(understand(b"\xFF\xFE{}").is_none());
}

#[test]
fn marks_around_a_message_do_not_matter() {
    let line = "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\r";
    assert!(understand(line.as_bytes()).is_some());
}

#[test]
fn an_answer_that_is_none_fails_its_call() {
    for (answer, said) in [
        (r#"{"jsonrpc":"2.0","id":1}"#, "neither a result"),
        (r#"{"id":1,"result":{}}"#, "neither a result"),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":"disk full"}"#,
            "disk full",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"message":"no"}}"#, "no"),
        (r#"{"jsonrpc":"2.0","id":1,"error":{}}"#, "neither a result"),
    ] {
        let Some(JsonRpcMessage::Error(error)) = understand(answer.as_bytes()) else {
            panic!("not understood: {answer}");
        };
        assert_eq!(error.id, Some(RequestId::Number(1)));
        let error = failure::of_answer(&error.error);
        assert_eq!(error.kind(), mcp_domain::ErrorKind::BadResponse);
        assert!(error.to_string().contains(said), "{error}");
    }
}
