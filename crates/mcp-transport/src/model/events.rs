//! What a server tells by itself: progress and log messages.
#![expect(
    deprecated,
    reason = "deprecated with 2026-07-28, and all that earlier servers know"
)]

use std::fmt;

use rmcp::model as wire;
use serde::Serialize;
use serde_json::Value;

/// How far a call has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done; it only ever grows.
    pub progress: f64,
    /// How much there is to do, if known.
    pub total: Option<f64>,
    /// What is being done.
    pub message: Option<String>,
}

impl From<wire::ProgressNotificationParam> for Progress {
    fn from(report: wire::ProgressNotificationParam) -> Self {
        Self {
            progress: report.progress,
            total: report.total,
            message: report.message,
        }
    }
}

/// What a server logs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogMessage {
    /// How grave it is.
    pub level: LogLevel,
    /// Which part of the server says it.
    pub logger: Option<String>,
    /// What it says: a text, or data.
    pub data: Value,
}

impl From<wire::LoggingMessageNotificationParam> for LogMessage {
    fn from(message: wire::LoggingMessageNotificationParam) -> Self {
        Self {
            level: message.level.into(),
            logger: message.logger,
            data: message.data,
        }
    }
}

/// How grave a log message is, least first (RFC 5424).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the levels of RFC 5424")]
pub enum LogLevel {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl LogLevel {
    /// Its name in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<wire::LoggingLevel> for LogLevel {
    fn from(level: wire::LoggingLevel) -> Self {
        match level {
            wire::LoggingLevel::Debug => Self::Debug,
            wire::LoggingLevel::Info => Self::Info,
            wire::LoggingLevel::Notice => Self::Notice,
            wire::LoggingLevel::Warning => Self::Warning,
            wire::LoggingLevel::Error => Self::Error,
            wire::LoggingLevel::Critical => Self::Critical,
            wire::LoggingLevel::Alert => Self::Alert,
            wire::LoggingLevel::Emergency => Self::Emergency,
        }
    }
}

impl From<LogLevel> for wire::LoggingLevel {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Notice => Self::Notice,
            LogLevel::Warning => Self::Warning,
            LogLevel::Error => Self::Error,
            LogLevel::Critical => Self::Critical,
            LogLevel::Alert => Self::Alert,
            LogLevel::Emergency => Self::Emergency,
        }
    }
}
