//! Operations can be spawned.

use mcp_plugin_db::DatabasePlugin;

fn can_be_spawned<F: Future + Send>(_: F) {}

#[test]
fn every_operation_can_be_spawned() {
    let plugin = DatabasePlugin::builder(crate::servers::stdio()).build();
    can_be_spawned(plugin.tables());
    can_be_spawned(plugin.describe("orders"));
    can_be_spawned(plugin.query("SELECT 1", &[]));
    can_be_spawned(plugin.query_as::<u8>("SELECT 1", &[]));
    can_be_spawned(plugin.page("SELECT 1", &[], "x"));
    can_be_spawned(plugin.pages("SELECT 1", &[]).next());
    can_be_spawned(plugin.pages("SELECT 1", &[]).all());
    can_be_spawned(plugin.execute("DELETE FROM orders", &[]));
    can_be_spawned(plugin.explain("SELECT 1", &[]));
    can_be_spawned(plugin.search("x", None, 1));
    can_be_spawned(plugin.resources());
    can_be_spawned(plugin.read("db://x"));
}
