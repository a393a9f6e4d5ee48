//! Hears how far a call has come, waits on as long as it comes along, and gives up on one.
//!
//! ```sh
//! cargo run -p mcp-transport --example progress
//! ```

#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use std::{error::Error, time::Duration};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use tokio::time::timeout;

mod support;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = support::shop().connect(&Scope::default()).await?;

    // Five steps of 100 ms each: longer than the timeout, were it not for the progress.
    let packed = client
        .call_tool("pack", ())
        .timeout(Duration::from_millis(400))
        .reset_on_progress()
        .within(Duration::from_secs(10))
        .on_progress(|step| println!("{} of {}", step.progress, step.total.unwrap_or_default()))
        .await?;
    println!("{}", packed.text());

    // A call that runs out of time is cancelled at the server.
    let late = client
        .call_tool("pack", ())
        .timeout(Duration::from_millis(150));
    let error = late.await.err();
    assert!(error.is_some_and(|error| error.kind() == ErrorKind::CallTimeout));

    // And so is one whose future is dropped, for whatever reason.
    let dropped = timeout(Duration::from_millis(150), client.call_tool("pack", ())).await;
    assert!(dropped.is_err());
    println!("gave up twice; still open: {}", client.is_open());

    client.close().await?;
    Ok(())
}
