/**
 * What the real programs printed when they were run with the presets against a local stub of their provider: claude 2.1.197,
 * codex 0.169.0, opencode 1.18.33. Ids and paths are as printed, long lists are cut. `ok`: wrote one file; 401, 400, 429: the stub
 * answered every request with that status.
 */
export const recordings: Readonly<Record<string, ReadonlyArray<string>>> = {
  "claude.400": [
    '{"type":"system","subtype":"init","cwd":"/workspace","session_id":"1719f6cf-2ef8-4655-a9f7-5b89d74f5611","tools":["Task","Bash","CronCreate","CronDelete","CronList","Edit"],"mcp_servers":[],"model":"claude-opus-4-8[1m]","permissionMode":"bypassPermissions","analytics_disabled":true,"product_feedback_disabled":true}',
    '{"type":"assistant","message":{"id":"58e3bab6-8b73-4f92-ae37-725e1e12658a","container":null,"model":"<synthetic>","role":"assistant","stop_details":null,"stop_reason":"stop_sequence","stop_sequence":"","type":"message","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},"service_tier":null,"cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0},"inference_geo":null,"iterations":null,"speed":null},"content":[{"type":"text","text":"Prompt is too long · the request is ~208310 tokens (limit 200000) but this conversation is only ~1538 tokens — the rest is system prompt, tool definitions, and attachment content. A single-exchange conversation cannot be compacted; reduce attached files/tools or start with less context."}],"context_management":null},"parent_tool_use_id":null,"session_id":"1719f6cf-2ef8-4655-a9f7-5b89d74f5611","error":"invalid_request"}',
    '{"type":"result","subtype":"success","is_error":true,"api_error_status":400,"duration_ms":191,"duration_api_ms":0,"num_turns":1,"result":"Prompt is too long · the request is ~208310 tokens (limit 200000) but this conversation is only ~1538 tokens — the rest is system prompt, tool definitions, and attachment content. A single-exchange conversation cannot be compacted; reduce attached files/tools or start with less context.","stop_reason":"stop_sequence","session_id":"1719f6cf-2ef8-4655-a9f7-5b89d74f5611","total_cost_usd":0,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},"service_tier":"standard","cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0},"inference_geo":"","iterations":[],"speed":"standard"},"terminal_reason":"prompt_too_long"}'
  ],
  "claude.401": [
    '{"type":"system","subtype":"init","cwd":"/workspace","session_id":"357b4c27-6d27-4865-94a4-a10d548daf0c","tools":["Task","Bash","CronCreate","CronDelete","CronList","Edit"],"mcp_servers":[],"model":"claude-opus-4-8[1m]","permissionMode":"bypassPermissions","analytics_disabled":true,"product_feedback_disabled":true}',
    '{"type":"system","subtype":"api_retry","attempt":1,"max_retries":2,"retry_delay_ms":553.7563529924197,"error_status":401,"error":"authentication_failed","session_id":"357b4c27-6d27-4865-94a4-a10d548daf0c"}',
    '{"type":"system","subtype":"api_retry","attempt":2,"max_retries":2,"retry_delay_ms":1104.0282510217003,"error_status":401,"error":"authentication_failed","session_id":"357b4c27-6d27-4865-94a4-a10d548daf0c"}',
    '{"type":"assistant","message":{"id":"12fb038f-a3d0-4858-94db-a3878a4cf31f","container":null,"model":"<synthetic>","role":"assistant","stop_details":null,"stop_reason":"stop_sequence","stop_sequence":"","type":"message","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},"service_tier":null,"cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0},"inference_geo":null,"iterations":null,"speed":null},"content":[{"type":"text","text":"Invalid API key · Fix external API key"}],"context_management":null},"parent_tool_use_id":null,"session_id":"357b4c27-6d27-4865-94a4-a10d548daf0c","error":"authentication_failed"}',
    '{"type":"result","subtype":"success","is_error":true,"api_error_status":401,"duration_ms":1813,"duration_api_ms":0,"num_turns":1,"result":"Invalid API key · Fix external API key","stop_reason":"stop_sequence","session_id":"357b4c27-6d27-4865-94a4-a10d548daf0c","total_cost_usd":0,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},"service_tier":"standard","cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0},"inference_geo":"","iterations":[],"speed":"standard"},"terminal_reason":"completed"}'
  ],
  "claude.429": [
    '{"type":"system","subtype":"init","cwd":"/workspace","session_id":"af7a52ed-5055-4411-9951-f4ae4bb4ad83","tools":["Task","Bash","CronCreate","CronDelete","CronList","Edit"],"mcp_servers":[],"model":"claude-opus-4-8[1m]","permissionMode":"bypassPermissions","analytics_disabled":true,"product_feedback_disabled":true}',
    '{"type":"system","subtype":"api_retry","attempt":1,"max_retries":2,"retry_delay_ms":1000,"error_status":429,"error":"rate_limit","session_id":"af7a52ed-5055-4411-9951-f4ae4bb4ad83"}',
    '{"type":"system","subtype":"api_retry","attempt":2,"max_retries":2,"retry_delay_ms":1017.5918974494347,"error_status":429,"error":"rate_limit","session_id":"af7a52ed-5055-4411-9951-f4ae4bb4ad83"}',
    '{"type":"assistant","message":{"id":"007c2902-c100-4152-9276-dcf3aaeac379","container":null,"model":"<synthetic>","role":"assistant","stop_details":null,"stop_reason":"stop_sequence","stop_sequence":"","type":"message","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},"service_tier":null,"cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0},"inference_geo":null,"iterations":null,"speed":null},"content":[{"type":"text","text":"API Error: Request rejected (429) · This request would exceed your account\'s rate limit. Please try again later."}],"context_management":null},"parent_tool_use_id":null,"session_id":"af7a52ed-5055-4411-9951-f4ae4bb4ad83","error":"rate_limit"}',
    '{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"duration_ms":2194,"duration_api_ms":0,"num_turns":1,"result":"API Error: Request rejected (429) · This request would exceed your account\'s rate limit. Please try again later.","stop_reason":"stop_sequence","session_id":"af7a52ed-5055-4411-9951-f4ae4bb4ad83","total_cost_usd":0,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},"service_tier":"standard","cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0},"inference_geo":"","iterations":[],"speed":"standard"},"terminal_reason":"completed"}'
  ],
  "claude.ok": [
    '{"type":"system","subtype":"init","cwd":"/workspace","session_id":"d3124424-0497-453f-8a97-c9d667d1e107","tools":["Task","Bash","CronCreate","CronDelete","CronList","Edit"],"mcp_servers":[],"model":"claude-opus-4-8[1m]","permissionMode":"bypassPermissions","analytics_disabled":true,"product_feedback_disabled":true}',
    '{"type":"assistant","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-8","content":[{"type":"text","text":"I will write a file."}],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":100,"output_tokens":1,"cache_read_input_tokens":5,"cache_creation_input_tokens":7},"context_management":null},"parent_tool_use_id":null,"session_id":"d3124424-0497-453f-8a97-c9d667d1e107"}',
    '{"type":"assistant","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-8","content":[{"type":"tool_use","id":"toolu_1","name":"Write","input":{"file_path":"/workspace/hello.txt","content":"hi\\n"}}],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":100,"output_tokens":1,"cache_read_input_tokens":5,"cache_creation_input_tokens":7},"context_management":null},"parent_tool_use_id":null,"session_id":"d3124424-0497-453f-8a97-c9d667d1e107"}',
    '{"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_1","type":"tool_result","content":"File created successfully at: /workspace/hello.txt (file state is current in your context — no need to Read it back)"}]},"parent_tool_use_id":null,"session_id":"d3124424-0497-453f-8a97-c9d667d1e107","tool_use_result":{"type":"create","filePath":"/workspace/hello.txt","content":"hi\\n","structuredPatch":[],"originalFile":null,"userModified":false}}',
    '{"type":"assistant","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-8","content":[{"type":"text","text":"Done: hello.txt is written."}],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":100,"output_tokens":1,"cache_read_input_tokens":5,"cache_creation_input_tokens":7},"context_management":null},"parent_tool_use_id":null,"session_id":"d3124424-0497-453f-8a97-c9d667d1e107"}',
    '{"type":"result","subtype":"success","is_error":false,"api_error_status":null,"duration_ms":154,"duration_api_ms":47,"num_turns":2,"result":"Done: hello.txt is written.","stop_reason":"end_turn","session_id":"d3124424-0497-453f-8a97-c9d667d1e107","total_cost_usd":0.0021425,"usage":{"input_tokens":200,"cache_creation_input_tokens":14,"cache_read_input_tokens":10,"output_tokens":42,"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},"service_tier":"standard","cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0},"inference_geo":"","iterations":[],"speed":"standard"},"terminal_reason":"completed"}'
  ],
  "codex.400": [
    '{"type":"thread.started","thread_id":"01a1fd42-c2a0-7cc1-b39a-3175476402f1"}',
    '{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata for `gpt-test` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."}}',
    '{"type":"turn.started"}',
    '{"type":"error","message":"{\\"type\\":\\"error\\",\\"error\\":{\\"type\\":\\"invalid_request_error\\",\\"message\\":\\"prompt is too long: 208310 tokens > 200000 maximum\\"}}"}',
    '{"type":"turn.failed","error":{"message":"{\\"type\\":\\"error\\",\\"error\\":{\\"type\\":\\"invalid_request_error\\",\\"message\\":\\"prompt is too long: 208310 tokens > 200000 maximum\\"}}"}}'
  ],
  "codex.401": [
    '{"type":"thread.started","thread_id":"01a1fd42-8c19-7861-8d3d-52150dad85ed"}',
    '{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata for `gpt-test` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."}}',
    '{"type":"turn.started"}',
    '{"type":"error","message":"Reconnecting... 1/5 (unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:46112/v1/responses)"}',
    '{"type":"error","message":"Reconnecting... 2/5 (unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:46112/v1/responses)"}',
    '{"type":"error","message":"Reconnecting... 3/5 (unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:46112/v1/responses)"}',
    '{"type":"error","message":"Reconnecting... 4/5 (unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:46112/v1/responses)"}',
    '{"type":"error","message":"Reconnecting... 5/5 (unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:46112/v1/responses)"}',
    '{"type":"error","message":"unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:46112/v1/responses"}',
    '{"type":"turn.failed","error":{"message":"unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:46112/v1/responses"}}'
  ],
  "codex.429": [
    '{"type":"thread.started","thread_id":"01a1fd42-ee42-78d0-b02b-97553f748ac9"}',
    '{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata for `gpt-test` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."}}',
    '{"type":"turn.started"}',
    '{"type":"error","message":"Reconnecting... 1/5 (exceeded retry limit, last status: 429 Too Many Requests)"}',
    '{"type":"error","message":"Reconnecting... 2/5 (exceeded retry limit, last status: 429 Too Many Requests)"}',
    '{"type":"error","message":"Reconnecting... 3/5 (exceeded retry limit, last status: 429 Too Many Requests)"}',
    '{"type":"error","message":"Reconnecting... 4/5 (exceeded retry limit, last status: 429 Too Many Requests)"}',
    '{"type":"error","message":"Reconnecting... 5/5 (exceeded retry limit, last status: 429 Too Many Requests)"}',
    '{"type":"error","message":"exceeded retry limit, last status: 429 Too Many Requests"}',
    '{"type":"turn.failed","error":{"message":"exceeded retry limit, last status: 429 Too Many Requests"}}'
  ],
  "codex.ok": [
    '{"type":"thread.started","thread_id":"01a1fd41-d7eb-7bf2-8c37-498eb2ca97c9"}',
    '{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata for `gpt-test` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."}}',
    '{"type":"turn.started"}',
    '{"type":"item.completed","item":{"id":"item_1","type":"reasoning","text":"Thinking about the file."}}',
    '{"type":"item.started","item":{"id":"item_2","type":"command_execution","command":"/bin/bash -lc \'echo hi > hello.txt && cat hello.txt\'","aggregated_output":"","exit_code":null,"status":"in_progress"}}',
    '{"type":"item.completed","item":{"id":"item_2","type":"command_execution","command":"/bin/bash -lc \'echo hi > hello.txt && cat hello.txt\'","aggregated_output":"hi\\n","exit_code":0,"status":"completed"}}',
    '{"type":"item.completed","item":{"id":"item_3","type":"agent_message","text":"Done: hello.txt is written."}}',
    '{"type":"turn.completed","usage":{"input_tokens":400,"cached_input_tokens":100,"cache_write_input_tokens":0,"output_tokens":40,"reasoning_output_tokens":10}}'
  ],
  "opencode.400": [
    '{"type":"error","sessionID":"ses_e02bd327cffe0dQyQY878MY8Kg","error":{"name":"ContextOverflowError","data":{"message":"prompt is too long: 208310 tokens > 200000 maximum","responseBody":"{\\"type\\":\\"error\\",\\"error\\":{\\"type\\":\\"invalid_request_error\\",\\"message\\":\\"prompt is too long: 208310 tokens > 200000 maximum\\"}}"}}}',
    '{"type":"error","sessionID":"ses_e02bd327cffe0dQyQY878MY8Kg","error":{"name":"ContextOverflowError","data":{"message":"prompt is too long: 208310 tokens > 200000 maximum","responseBody":"{\\"type\\":\\"error\\",\\"error\\":{\\"type\\":\\"invalid_request_error\\",\\"message\\":\\"prompt is too long: 208310 tokens > 200000 maximum\\"}}"}}}'
  ],
  "opencode.401": [
    '{"type":"error","sessionID":"ses_e02bd51e9ffewYMsK5cv97PnJS","error":{"name":"APIError","data":{"message":"invalid x-api-key","statusCode":401,"isRetryable":false,"responseBody":"{\\"type\\":\\"error\\",\\"error\\":{\\"type\\":\\"authentication_error\\",\\"message\\":\\"invalid x-api-key\\",\\"code\\":\\"invalid_api_key\\"}}"}}}'
  ],
  "opencode.429": [
    '{"type":"error","sessionID":"ses_e02bcf35effeHp41BGLo3dCmbS","error":{"name":"APIError","data":{"message":"This request would exceed your account\'s rate limit. Please try again later.","statusCode":429,"isRetryable":true,"responseBody":"{\\"type\\":\\"error\\",\\"error\\":{\\"type\\":\\"rate_limit_error\\",\\"message\\":\\"This request would exceed your account\'s rate limit. Please try again later.\\"}}"}}}'
  ],
  "opencode.ok": [
    '{"type":"step_start","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","part":{"id":"prt_1fd41f65c001cvqYFAfDBUGjOx","messageID":"msg_1fd41efe9001otgyvMGXRen1rb","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","snapshot":"4b825dc642cb6eb9a060e54bf8d69288fbee4904","type":"step-start"}}',
    '{"type":"text","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","part":{"id":"prt_1fd41f660001oG0StmEVgxsypC","messageID":"msg_1fd41efe9001otgyvMGXRen1rb","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","type":"text","text":"I will write a file.","time":{"start":1795250320992,"end":1795250321022}}}',
    '{"type":"tool_use","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","part":{"type":"tool","tool":"write","callID":"call_1","state":{"status":"completed","input":{"filePath":"/workspace/hello.txt","content":"hi\\n"},"output":"Wrote file successfully.","title":"hello.txt","time":{"start":1795250321014,"end":1795250321051}},"id":"prt_1fd41f6650012WdvAbxJLZrZ1C","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","messageID":"msg_1fd41efe9001otgyvMGXRen1rb"}}',
    '{"type":"step_finish","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","part":{"id":"prt_1fd41f77b001iAaGhjb1kdRGBb","reason":"tool-calls","snapshot":"7a2871192d49caaff5451df37b27afc373d8298b","messageID":"msg_1fd41efe9001otgyvMGXRen1rb","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","type":"step-finish","tokens":{"total":325,"input":260,"output":25,"reasoning":0,"cache":{"write":0,"read":40}},"cost":0}}',
    '{"type":"step_start","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","part":{"id":"prt_1fd41f8e4001Gn0EGkKtGKFB1F","messageID":"msg_1fd41f81e001SIAN7tjSMzHe0W","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","snapshot":"7a2871192d49caaff5451df37b27afc373d8298b","type":"step-start"}}',
    '{"type":"text","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","part":{"id":"prt_1fd41f8e7001b8uqAXGxsj50D6","messageID":"msg_1fd41f81e001SIAN7tjSMzHe0W","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","type":"text","text":"Done: hello.txt is written.","time":{"start":1795250321639,"end":1795250321642}}}',
    '{"type":"step_finish","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","part":{"id":"prt_1fd41f95c001KTqdxK91zLiT7x","reason":"stop","snapshot":"7a2871192d49caaff5451df37b27afc373d8298b","messageID":"msg_1fd41f81e001SIAN7tjSMzHe0W","sessionID":"ses_e02be1826ffeidrQDjMapvAk69","type":"step-finish","tokens":{"total":325,"input":260,"output":25,"reasoning":0,"cache":{"write":0,"read":40}},"cost":0}}'
  ]
}
