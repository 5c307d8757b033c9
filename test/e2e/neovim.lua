-- Runs inside a headless Neovim: starts the server as any Lua configuration would, sends it every request, and writes
-- the answers as JSON. Arguments come from the environment: TIERCEL_MAIN, TIERCEL_NODE, TIERCEL_FOLDER, TIERCEL_OUTPUT.
local folder = vim.env.TIERCEL_FOLDER
local answers = {}

local function finish()
  local file = assert(io.open(vim.env.TIERCEL_OUTPUT, 'w'))
  file:write(vim.json.encode(answers))
  file:close()
  vim.cmd('qall!')
end

local function ask(client, name, method, params)
  local response, reason = client.request_sync(method, params, 20000, 0)
  if response == nil then
    answers[name] = { failed = reason or 'no answer' }
  elseif response.err ~= nil then
    answers[name] = { failed = response.err.message, data = response.err.data }
  else
    answers[name] = { result = response.result }
  end
  return response ~= nil and response.result or nil
end

local function run(client)
  answers.capabilities = client.server_capabilities
  local status
  local ready = vim.wait(60000, function()
    status = ask(client, 'status', 'tiercel/status', { folder = folder })
    return status ~= nil and status.phase == 'ready'
  end, 200)
  answers.ready = ready

  local search = { folder = folder, query = 'limit requests per client', limit = 5 }
  local similar = { folder = folder, path = 'src/storage/retry.ts', startLine = 9, limit = 5 }
  ask(client, 'search', 'tiercel/search', search)
  ask(client, 'similar', 'tiercel/similar', similar)
  ask(client, 'badSearch', 'tiercel/search', { folder = folder, query = 'x', limit = 0 })
  for name, params in pairs({ search = search, similar = similar, status = { folder = folder } }) do
    ask(client, name .. 'Command', 'workspace/executeCommand', { command = 'tiercel/' .. name, arguments = { params } })
  end
end

local id = vim.lsp.start_client({
  name = 'tiercel',
  cmd = { vim.env.TIERCEL_NODE, vim.env.TIERCEL_MAIN, 'lsp', '--stdio' },
  root_dir = folder,
  workspace_folders = { { uri = vim.uri_from_fname(folder), name = 'shop' } },
  on_exit = function(code)
    answers.exitCode = code
  end,
})

if id == nil then
  answers.failed = 'the server did not start'
  finish()
end

vim.schedule(function()
  local client
  vim.wait(60000, function()
    client = vim.lsp.get_client_by_id(id)
    return client ~= nil and client.initialized == true
  end, 50)
  if client == nil or not client.initialized then
    answers.failed = 'the server did not initialize'
    finish()
    return
  end
  run(client)
  client.stop()
  vim.wait(10000, function()
    return answers.exitCode ~= nil
  end, 50)
  finish()
end)
