//! Several plugins, one pool.

use std::time::Duration;

use mcp_plugin_db::{Access, DatabasePlugin, POOL};
use mcp_pool::{Pool, Settings};

use crate::servers::{children, stdio};

const WITHIN: Duration = Duration::from_secs(10);

fn plugin(name: &str) -> DatabasePlugin {
    DatabasePlugin::builder(stdio())
        .access(Access::Pooled)
        .name(name)
        .pool(POOL.get())
        .build()
}

#[tokio::test]
async fn plugins_that_share_a_pool_share_its_limit_and_close_nothing_of_each_other() {
    let one_at_a_time = Settings::builder().max_total(1).build().unwrap();
    let _replaced = POOL.replace(Pool::new(one_at_a_time));
    let (one, other) = (plugin("one"), plugin("other"));
    one.tables().await.unwrap();
    other.tables().await.unwrap();
    assert_eq!(children().len(), 1);
    let opened = |plugin: &DatabasePlugin| plugin.stats().pool.opened;
    assert_eq!((opened(&one), opened(&other)), (1, 1));
    one.close(WITHIN).await;
    other.tables().await.unwrap();
    assert_eq!(opened(&other), 1);
    let report = POOL.take().unwrap().close(WITHIN).await;
    assert_eq!((report.closed, report.abandoned), (1, 0));
    assert_eq!(children(), Vec::<u32>::new());
}
