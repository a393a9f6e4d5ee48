//! Resources and their templates: list them, read them.

use mcp_domain::Error;
use rmcp::model::{
    ClientRequest, ListResourceTemplatesRequest, ListResourcesRequest, ReadResourceRequest,
    ReadResourceRequestParams, ServerResult,
};

use super::{Call, Client, Listed, lists::page, read};
use crate::{Resource, ResourceContents, ResourceTemplate};

impl Client {
    /// What the server offers to read, all pages of it.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call.
    pub async fn list_resources(&self) -> Result<Vec<Resource>, Error> {
        Ok(self.list_resources_to_keep().await?.items)
    }

    /// As [`list_resources`](Self::list_resources), with the server's word on how long
    /// the list may be kept.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call.
    pub async fn list_resources_to_keep(&self) -> Result<Listed<Resource>, Error> {
        let request = |cursor| {
            ClientRequest::ListResourcesRequest(ListResourcesRequest::with_param(page(cursor)))
        };
        let read = |answer| match answer {
            ServerResult::ListResourcesResult(page) => {
                Some((page.resources, page.next_cursor, page.ttl_ms))
            }
            _ => None,
        };
        self.list("resources", request, read).await
    }

    /// The families of resources that the server offers, all pages of them.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call.
    pub async fn list_resource_templates(&self) -> Result<Vec<ResourceTemplate>, Error> {
        let request = |cursor| {
            let request = ListResourceTemplatesRequest::with_param(page(cursor));
            ClientRequest::ListResourceTemplatesRequest(request)
        };
        let read = |answer| match answer {
            ServerResult::ListResourceTemplatesResult(page) => {
                Some((page.resource_templates, page.next_cursor, page.ttl_ms))
            }
            _ => None,
        };
        let list = self.list("resource templates", request, read);
        Ok(list.await?.items)
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub fn read_resource<'c>(&'c self, uri: &'c str) -> Call<'c, Vec<ResourceContents>> {
        let params = ReadResourceRequestParams::new(uri);
        let request = ClientRequest::ReadResourceRequest(ReadResourceRequest::new(params));
        Call::new(self, uri, Ok(request), |uri, answer| match answer {
            ServerResult::ReadResourceResult(result) => {
                let contents = result.contents.into_iter();
                Ok(contents.map(ResourceContents::from).collect())
            }
            _ => Err(read::unfit(uri)),
        })
    }
}
