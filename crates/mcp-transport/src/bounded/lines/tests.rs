//! Lines, however they arrive, and what they are taken for.

use serde_json::json;

use super::*;

type Message = RxJsonRpcMessage<RoleClient>;

/// What is read of this, in pieces of `step` bytes, if lines may have 4 bytes.
async fn read(text: &'static str, step: usize) -> Result<Vec<String>, io::ErrorKind> {
    let limit = Limit::of(4);
    let mut lines = Lines::new(text.as_bytes(), tokio::io::sink(), limit.clone());
    lines.output = BufReader::with_capacity(step, text.as_bytes());
    let mut all = Vec::new();
    loop {
        match lines.read_line().await {
            Ok(false) => return Ok(all),
            Ok(true) => all.push(String::from_utf8(lines.line.split_off(0)).unwrap()),
            Err(error) => {
                assert!(limit.overrun().unwrap().contains("more than 4 bytes"));
                return Err(error.kind());
            }
        }
    }
}

#[tokio::test]
async fn lines_up_to_the_limit_pass_however_they_arrive() {
    for (text, lines) in [
        ("", &[][..]),
        ("abcd", &["abcd"]),
        (
            "abcd\nabcd\n\nab\nabcd",
            &["abcd", "abcd", "", "ab", "abcd"],
        ),
        ("\n\n\n", &["", "", ""]),
    ] {
        for step in 1..6 {
            assert_eq!(read(text, step).await.unwrap(), lines);
        }
    }
}

#[tokio::test]
async fn a_longer_one_ends_it_however_it_arrives() {
    for text in ["abcde", "abcde\n", "a\nabcde\n", "abcd\nabcd\nabcde"] {
        for step in 1..6 {
            assert_eq!(read(text, step).await, Err(io::ErrorKind::InvalidData));
        }
    }
}

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
fn marks_around_a_line_do_not_matter() {
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

#[tokio::test]
async fn the_messages_of_a_batch_come_one_by_one() {
    let text = concat!(
        "[\n",
        r#"[{"jsonrpc":"2.0","id":1,"result":{}},7,{"jsonrpc":"2.0","method":"notifications/x"}]"#,
        "\n[]\n",
        r#"{"jsonrpc":"2.0","id":2,"result":{}}"#,
        "\n"
    );
    let mut lines = Lines::new(text.as_bytes(), tokio::io::sink(), Limit::of(1000));
    let mut ids = Vec::new();
    while let Some(message) = lines.receive().await {
        ids.push(match message {
            JsonRpcMessage::Response(response) => Some(response.id),
            _ => None,
        });
    }
    let id = |id| Some(RequestId::Number(id));
    assert_eq!(ids, [id(1), None, id(2)]);
}

#[tokio::test]
async fn the_last_line_counts_if_it_came_whole() {
    let whole = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    for came in 0..=whole.len() {
        let (came, is_whole) = (&whole.as_bytes()[..came], came == whole.len());
        let mut lines = Lines::new(came, tokio::io::sink(), Limit::of(1000));
        assert_eq!(lines.receive().await.is_some(), is_whole);
        assert!(lines.receive().await.is_none());
    }
}
