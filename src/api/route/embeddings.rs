//! `/v1/embeddings`, as OpenAI's clients know it.

use axum::Json;
use serde_json::{Value, json};

use super::{Route, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{EmbeddingInput, EmbeddingsRequest};
use crate::base::to_base64;
use crate::engine::{Action, Reply};

const MOST_INPUTS: usize = 2048;

pub(super) static ROUTES: [Route; 1] =
    [Route::new("POST", "/v1/embeddings", "Vectors of texts (OpenAI-compatible)", || post(embed))
        .body("EmbeddingsRequest")
        .reply(200, "EmbeddingsResponse")];

async fn embed(call: Call) -> Result<Json<Value>, Fault> {
    let request: EmbeddingsRequest = call.json()?;
    let base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(Fault::invalid(format!("encoding_format '{other}' is neither float nor base64")));
        }
    };
    let inputs = match &request.input {
        EmbeddingInput::One(_) => 1,
        EmbeddingInput::Many(inputs) => inputs.len(),
    };
    if inputs == 0 || inputs > MOST_INPUTS {
        return Err(Fault::invalid(format!("{inputs} inputs: 1 to {MOST_INPUTS} may be given at once")));
    }
    match call.ask(Action::Embed(request)).await? {
        Reply::Embeddings(made) => {
            let data: Vec<Value> = made
                .vectors
                .iter()
                .enumerate()
                .map(|(index, vector)| {
                    let embedding = if base64 { Value::String(encode(vector)) } else { json!(vector) };
                    json!({"object": "embedding", "index": index, "embedding": embedding})
                })
                .collect();
            let usage = json!({"prompt_tokens": made.tokens, "total_tokens": made.tokens});
            Ok(Json(json!({"object": "list", "data": data, "model": made.model, "usage": usage})))
        }
        other => unexpected(&other),
    }
}

/// Little-endian f32 in base64 (RFC 4648, with padding).
fn encode(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    to_base64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_rfc_4648() {
        assert_eq!(encode(&[1.0]), "AACAPw==");
        assert_eq!(encode(&[]), "");
        assert_eq!(encode(&[1.0, -2.0, 0.5]), "AACAPwAAAMAAAAA/");
    }
}
