//! Lines, however they arrive.

use rmcp::model::{JsonRpcMessage, RequestId};

use super::*;

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
