//! The suite on our own server.

use mcp_domain::Target;
use mcp_transport::ClientConnector;

use crate::{
    fixture::sqlite,
    servers::{PROGRAM, children},
    suite,
};

#[tokio::test]
async fn our_server_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(folder.path());
    let target = Target::command(PROGRAM, ["serve", "--", &database]);
    suite::check("mcp-db", ClientConnector::new(target).unwrap()).await;
    assert_eq!(children(), Vec::<u32>::new());
}
