-- Wireshark dissector of Flowring's UDP layer, of what its flow allocators say to each other (FA PDUs), and of FRCP.
-- Formats: packages/ipcpd/src/core/udp/packet.ts, packages/ipcpd/src/core/fa-pdu.ts, docs/spec/frcp.md section 2.
--
-- Use: tshark -X lua_script:flowring.lua ..., or put it into the plugin folder (Help > About > Folders).
-- Whether a flow carries FRCP is not said in its packets: it follows from the QoS of its allocation. Flows whose
-- allocation is not in the capture are taken for FRCP when they look like it, and marked as guessed.

local layer = Proto("flowring", "Flowring UDP layer")
local fa = Proto("flowring_fa", "Flowring flow allocator")
local directory = Proto("flowring_directory", "Flowring directory")
local frcp = Proto("flowring_frcp", "Flowring FRCP")

local PORT = 3436
local VERSION = 1
local KIND_DATA, KIND_FA, KIND_DIRECTORY, KIND_TAKEN = 1, 2, 3, 10
local DATA_HEADER, CONTROL_HEADER, WORD = 8, 24, 4
local FA_HEADER, ID_BYTES, DIGESTS = 8, 16, 16

local kinds = {
  [KIND_DATA] = "data",
  [KIND_FA] = "FA",
  [KIND_DIRECTORY] = "directory",
  [4] = "hello",
  [5] = "contact",
  [6] = "challenge",
  [7] = "response",
  [8] = "probe",
  [9] = "probed",
  [KIND_TAKEN] = "taken",
}
local fa_types = {
  [1] = "request",
  [2] = "answer",
  [3] = "cancel",
  [4] = "confirm",
  [5] = "down",
  [6] = "alive",
  [7] = "probe",
  [8] = "verdict",
}
local ALIVE_HERE = 0xffff

local function flag(abbr, name, mask)
  return ProtoField.bool(abbr, name, 8, nil, mask)
end

local f = {
  version = ProtoField.uint8("flowring.version", "Version", base.DEC, nil, 0xf0),
  kind = ProtoField.uint8("flowring.kind", "Kind", base.DEC, kinds, 0x0f),
  numbered = flag("flowring.numbered", "Numbered", 0x02),
  checked = flag("flowring.checked", "Checked", 0x01),
  length = ProtoField.uint16("flowring.length", "Length"),
  eid = ProtoField.uint32("flowring.eid", "EID of the receiver", base.HEX),
  number = ProtoField.uint32("flowring.number", "Number"),
  taken = ProtoField.uint32("flowring.taken", "Taken up to number"),
  receiver = ProtoField.bytes("flowring.receiver", "Tag of the receiver"),
  sender = ProtoField.bytes("flowring.sender", "Tag of the sender"),
  name = ProtoField.string("flowring.name", "Name of the flow"),
  message = ProtoField.bytes("flowring.message", "Message"),
  check = ProtoField.uint32("flowring.check", "CRC-32", base.HEX),
  sound = ProtoField.bool("flowring.check.good", "Good"),
}
layer.fields = f

local a = {
  version = ProtoField.uint8("flowring.fa.version", "Version"),
  type = ProtoField.uint8("flowring.fa.type", "Type", base.DEC, fa_types),
  solicit = flag("flowring.fa.solicit", "Answer wanted", 0x01),
  epoch = ProtoField.uint32("flowring.fa.epoch", "Epoch of the sender", base.HEX),
  id = ProtoField.bytes("flowring.fa.id", "Allocation"),
  s_eid = ProtoField.uint32("flowring.fa.s_eid", "EID of the sender", base.HEX),
  r_eid = ProtoField.uint32("flowring.fa.r_eid", "EID of the receiver", base.HEX),
  timeout = ProtoField.uint32("flowring.fa.timeout", "Waits, ms"),
  delay = ProtoField.uint32("flowring.fa.qos.delay", "Delay, ms"),
  bandwidth = ProtoField.uint64("flowring.fa.qos.bandwidth", "Bandwidth, bit/s"),
  loss = ProtoField.uint32("flowring.fa.qos.loss", "Loss"),
  ber = ProtoField.uint32("flowring.fa.qos.ber", "Bit errors"),
  max_gap = ProtoField.uint32("flowring.fa.qos.max_gap", "Longest gap, ms"),
  peer_timeout = ProtoField.uint32("flowring.fa.qos.timeout", "Silence until the peer is gone, ms"),
  availability = ProtoField.uint8("flowring.fa.qos.availability", "Availability, nines"),
  in_order = ProtoField.uint8("flowring.fa.qos.in_order", "In order"),
  name = ProtoField.string("flowring.fa.name", "Name"),
  data = ProtoField.bytes("flowring.fa.data", "First message"),
  errno = ProtoField.uint16("flowring.fa.errno", "Error"),
  digest = ProtoField.uint32("flowring.fa.digest", "Digest", base.HEX),
  count = ProtoField.uint16("flowring.fa.count", "Flows"),
  status = ProtoField.uint16("flowring.fa.status", "Status"),
}
fa.fields = a

local d = {
  version = ProtoField.uint8("flowring.directory.version", "Version"),
  type = ProtoField.uint8("flowring.directory.type", "Type", base.DEC, { [1] = "query", [2] = "answer" }),
  has = flag("flowring.directory.has", "Has the name", 0x01),
  id = ProtoField.bytes("flowring.directory.id", "Query"),
  name = ProtoField.string("flowring.directory.name", "Name"),
}
directory.fields = d

local r = {
  version = ProtoField.uint8("flowring.frcp.version", "Version", base.DEC, nil, 0xf0),
  ranges_follow = flag("flowring.frcp.ext.ranges", "Ranges follow", 0x01),
  timed = flag("flowring.frcp.ext.times", "Times follow", 0x02),
  segment = flag("flowring.frcp.ext.segment", "Segment", 0x04),
  ask = flag("flowring.frcp.ext.ask", "Acknowledge at once", 0x08),
  data_flag = flag("flowring.frcp.flags.data", "DATA", 0x01),
  drf = flag("flowring.frcp.flags.drf", "DRF", 0x02),
  ack_flag = flag("flowring.frcp.flags.ack", "ACK", 0x04),
  rdvs = flag("flowring.frcp.flags.rdvs", "RDVS", 0x08),
  first = flag("flowring.frcp.flags.first", "FIRST", 0x10),
  last = flag("flowring.frcp.flags.last", "LAST", 0x20),
  end_flag = flag("flowring.frcp.flags.end", "END", 0x40),
  reset = flag("flowring.frcp.flags.reset", "RESET", 0x80),
  credit = ProtoField.uint32("flowring.frcp.credit", "Credit, bytes"),
  ack = ProtoField.uint32("flowring.frcp.ackno", "Acknowledged before"),
  edge = ProtoField.uint32("flowring.frcp.edge", "Window edge"),
  seq = ProtoField.uint32("flowring.frcp.seqno", "Number"),
  time = ProtoField.uint32("flowring.frcp.time", "Left at, us"),
  echo = ProtoField.uint32("flowring.frcp.echo", "Echo, us"),
  from = ProtoField.uint32("flowring.frcp.range.from", "Holds from"),
  to = ProtoField.uint32("flowring.frcp.range.to", "Holds until before"),
  segment_at = ProtoField.uint32("flowring.frcp.segment.offset", "Offset of the segment"),
  pdu_bytes = ProtoField.uint32("flowring.frcp.segment.pdu_bytes", "Bytes of the whole PDU"),
  data = ProtoField.bytes("flowring.frcp.data", "User data"),
  check = ProtoField.uint32("flowring.frcp.check", "CRC-32", base.HEX),
  sound = ProtoField.bool("flowring.frcp.check.good", "Good"),
}
frcp.fields = r

local bad_check = ProtoExpert.new("flowring.bad_check", "The CRC-32 is wrong", expert.group.CHECKSUM, expert.severity.ERROR)
local cut = ProtoExpert.new("flowring.malformed", "Not a whole packet", expert.group.MALFORMED, expert.severity.ERROR)
layer.experts = { bad_check, cut }

layer.prefs.port = Pref.uint("UDP port", PORT, "Packets to and from this port are Flowring's")

-- What allocations in the capture say. By allocation id: its QoS. By EID: the flow it belongs to.
local asked, flows = {}, {}
local registered = nil

function layer.init()
  asked, flows = {}, {}
  local ports = DissectorTable.get("udp.port")
  if registered ~= nil then ports:remove(registered, layer) end
  registered = layer.prefs.port
  ports:add(registered, layer)
end

-- Lua 5.2 has no operator for it, 5.4 no library.
local xor = bit and bit.bxor or load("return function(x, y) return x ~ y end")()
local crc_table = {}
for n = 0, 255 do
  local c = n
  for _ = 1, 8 do
    local half = math.floor(c % 0x100000000 / 2)
    c = c % 2 == 1 and xor(half, 0xedb88320) or half
  end
  crc_table[n] = c
end

local function crc32(range)
  local c, bytes = 0xffffffff, range:bytes()
  for i = 0, range:len() - 1 do
    c = xor(crc_table[xor(c, bytes:get_index(i)) % 256], math.floor(c % 0x100000000 / 256))
  end
  return xor(c, 0xffffffff) % 0x100000000
end

local function add_check(tree, fields, tvb, from, at)
  local is_good = crc32(tvb(from, at - from)) == tvb(at, WORD):uint()
  local item = tree:add(fields.check, tvb(at, WORD))
  item:add(fields.sound, tvb(at, WORD), is_good):set_generated()
  if not is_good then item:add_proto_expert_info(bad_check) end
end

-- Bytes of the header of the FRCP PDU in `tvb`, or nil when it is none.
local function frcp_header(tvb)
  local length = tvb:len()
  if length < 12 or tvb(0, 1):bitfield(0, 4) ~= VERSION then return nil end
  local flags = tvb(1, 1)
  local function has(bit_from_low) return flags:bitfield(7 - bit_from_low, 1) == 1 end
  local is_data, is_ack, is_rdvs, is_reset = has(0), has(2), has(3), has(7)
  local is_segment, is_timed, has_ranges = tvb(0, 1):bitfield(5, 1) == 1, tvb(0, 1):bitfield(6, 1) == 1, tvb(0, 1):bitfield(7, 1) == 1
  if is_data and (is_rdvs or is_reset or has_ranges) then return nil end
  if not is_data and (is_segment or has(4) or has(5) or has(6)) then return nil end
  if not (is_data or is_ack or is_rdvs or is_reset) then return nil end
  local is_numbered = is_data or is_rdvs or is_reset
  local bytes = 12 + (is_numbered and WORD or 0) + (is_timed and 8 or 0) + (is_segment and 8 or 0)
  if length < bytes then return nil end
  return bytes, is_numbered, is_timed, is_segment, has_ranges, is_data
end

local flag_names = { "DATA", "DRF", "ACK", "RDVS", "FIRST", "LAST", "END", "RESET" }

local function dissect_frcp(tvb, pinfo, tree, is_checked, is_guess)
  local whole = tvb:len()
  local trailer = is_checked and WORD or 0
  local header, is_numbered, is_timed, is_segment, has_ranges, is_data = frcp_header(tvb)
  if header == nil or whole < header + trailer then return nil end
  local sub = tree:add(frcp, tvb())
  if is_guess then sub:append_text(" (guessed)") end
  for _, field in ipairs({ r.version, r.ask, r.segment, r.timed, r.ranges_follow }) do sub:add(field, tvb(0, 1)) end
  for _, field in ipairs({ r.reset, r.end_flag, r.last, r.first, r.rdvs, r.ack_flag, r.drf, r.data_flag }) do
    sub:add(field, tvb(1, 1))
  end
  sub:add(r.credit, tvb(2, 2), tvb(2, 2):uint() * 256)
  sub:add(r.ack, tvb(4, WORD))
  sub:add(r.edge, tvb(8, WORD))
  local at, info = 12, {}
  for i, name in ipairs(flag_names) do
    if tvb(1, 1):bitfield(8 - i, 1) == 1 then info[#info + 1] = name end
  end
  info = { table.concat(info, "|") }
  local function word(field, label)
    sub:add(field, tvb(at, WORD))
    if label then info[#info + 1] = label .. "=" .. tvb(at, WORD):uint() end
    at = at + WORD
  end
  if is_numbered then word(r.seq, "seq") end
  if tvb(1, 1):bitfield(5, 1) == 1 then
    info[#info + 1] = "ack=" .. tvb(4, WORD):uint() .. " edge=" .. tvb(8, WORD):uint()
  end
  if is_timed then
    word(r.time)
    word(r.echo)
  end
  if is_segment then
    word(r.segment_at, "offset")
    word(r.pdu_bytes, "of")
  end
  local stop = whole - trailer
  while has_ranges and at + 8 <= stop do
    info[#info + 1] = "holds=" .. tvb(at, WORD):uint() .. "-" .. tvb(at + WORD, WORD):uint()
    word(r.from)
    word(r.to)
  end
  if is_data and at < stop then
    sub:add(r.data, tvb(at, stop - at))
    info[#info + 1] = "len=" .. (stop - at)
  end
  if is_checked then add_check(sub, r, tvb, 0, stop) end
  return "FRCP " .. table.concat(info, " ")
end

local function dissect_pairs(tvb, sub, entry)
  sub:add(a.count, tvb(8, 2))
  for i = 0, tvb(8, 2):uint() - 1 do
    local at = 10 + entry * i
    if at + entry > tvb:len() then break end
    local one = sub:add(fa, tvb(at, entry), "Flow")
    one:add(a.s_eid, tvb(at, WORD))
    one:add(a.r_eid, tvb(at + WORD, WORD))
    if entry == 10 then
      local item = one:add(a.status, tvb(at + 8, 2))
      if tvb(at + 8, 2):uint() == ALIVE_HERE then item:append_text(" (alive)") end
    end
  end
  return tvb(8, 2):uint() .. " flows"
end

local fa_bodies = {}

function fa_bodies.request(tvb, sub)
  if tvb:len() < 66 then return nil end
  local name_bytes, data_bytes = tvb(62, 2):uint(), tvb(64, 2):uint()
  if tvb:len() < 66 + name_bytes + data_bytes then return nil end
  local id, name = tvb(FA_HEADER, ID_BYTES), tvb(66, name_bytes):string(ENC_UTF_8)
  sub:add(a.id, id)
  sub:add(a.s_eid, tvb(24, WORD))
  sub:add(a.timeout, tvb(28, WORD))
  sub:add(a.delay, tvb(32, WORD))
  sub:add(a.bandwidth, tvb(36, 8))
  sub:add(a.loss, tvb(44, WORD))
  sub:add(a.ber, tvb(48, WORD))
  sub:add(a.max_gap, tvb(52, WORD))
  sub:add(a.peer_timeout, tvb(56, WORD))
  sub:add(a.availability, tvb(60, 1))
  sub:add(a.in_order, tvb(61, 1))
  sub:add(a.name, tvb(66, name_bytes), name)
  if data_bytes > 0 then sub:add(a.data, tvb(66 + name_bytes, data_bytes)) end
  local flow = { name = name, is_frcp = tvb(61, 1):uint() == 1, is_checked = tvb(48, WORD):uint() == 0 }
  asked[tostring(id:bytes())] = flow
  flows[tvb(24, WORD):uint()] = flow
  return "name=" .. name .. " eid=" .. tostring(tvb(24, WORD):bytes())
end

function fa_bodies.answer(tvb, sub)
  if tvb:len() < 36 then return nil end
  local id, errno, data_bytes = tvb(FA_HEADER, ID_BYTES), tvb(32, 2):uint(), tvb(34, 2):uint()
  if tvb:len() < 36 + data_bytes then return nil end
  sub:add(a.id, id)
  sub:add(a.s_eid, tvb(24, WORD))
  sub:add(a.r_eid, tvb(28, WORD))
  sub:add(a.errno, tvb(32, 2))
  if data_bytes > 0 then sub:add(a.data, tvb(36, data_bytes)) end
  local flow = asked[tostring(id:bytes())]
  if flow ~= nil and errno == 0 then flows[tvb(24, WORD):uint()] = flow end
  return errno == 0 and "accepted eid=" .. tostring(tvb(24, WORD):bytes()) or "refused error=" .. errno
end

function fa_bodies.cancel(tvb, sub)
  if tvb:len() < 28 then return nil end
  sub:add(a.id, tvb(FA_HEADER, ID_BYTES))
  sub:add(a.s_eid, tvb(24, WORD))
  return ""
end

local function pair(tvb, sub)
  if tvb:len() < 16 then return nil end
  sub:add(a.s_eid, tvb(8, WORD))
  sub:add(a.r_eid, tvb(12, WORD))
  return "eid=" .. tostring(tvb(12, WORD):bytes())
end

fa_bodies.confirm = pair

function fa_bodies.down(tvb, sub)
  if tvb:len() < 18 then return nil end
  local info = pair(tvb, sub)
  sub:add(a.errno, tvb(16, 2))
  return info .. " error=" .. tvb(16, 2):uint()
end

function fa_bodies.alive(tvb, sub)
  if tvb:len() < FA_HEADER + WORD * DIGESTS then return nil end
  for i = 0, DIGESTS - 1 do sub:add(a.digest, tvb(FA_HEADER + WORD * i, WORD)) end
  return tvb(3, 1):uint() == 1 and "answer wanted" or ""
end

function fa_bodies.probe(tvb, sub)
  return tvb:len() >= 10 and dissect_pairs(tvb, sub, 8) or nil
end

function fa_bodies.verdict(tvb, sub)
  return tvb:len() >= 10 and dissect_pairs(tvb, sub, 10) or nil
end

local function dissect_fa(tvb, tree)
  if tvb:len() < FA_HEADER or tvb(0, 1):uint() ~= 0xfa then return nil end
  local sub = tree:add(fa, tvb())
  sub:add(a.version, tvb(1, 1))
  sub:add(a.type, tvb(2, 1))
  sub:add(a.solicit, tvb(3, 1))
  sub:add(a.epoch, tvb(4, WORD))
  local name = fa_types[tvb(2, 1):uint()]
  if tvb(1, 1):uint() ~= 1 or name == nil then return "FA" end
  local info = fa_bodies[name](tvb, sub)
  if info == nil then sub:add_proto_expert_info(cut) end
  return "FA " .. name .. " " .. (info or "(cut)")
end

local function dissect_directory(tvb, tree)
  if tvb:len() < 12 or tvb(0, 1):uint() ~= 0xd1 then return nil end
  local sub = tree:add(directory, tvb())
  sub:add(d.version, tvb(1, 1))
  sub:add(d.type, tvb(2, 1))
  sub:add(d.id, tvb(4, 8))
  if tvb(2, 1):uint() == 2 then
    sub:add(d.has, tvb(3, 1))
    return "directory answer " .. (tvb(3, 1):uint() == 1 and "yes" or "no")
  end
  local name = tvb:len() > 12 and tvb(12):string(ENC_UTF_8) or ""
  if name ~= "" then sub:add(d.name, tvb(12), name) end
  return "directory query name=" .. name
end

local function dissect_taken(tvb, sub)
  if tvb:len() ~= 2 * WORD then return nil end
  sub:add(f.eid, tvb(0, WORD))
  sub:add(f.taken, tvb(WORD, WORD))
  return "taken eid=" .. tostring(tvb(0, WORD):bytes()) .. " number=" .. tvb(WORD, WORD):uint()
end

local function overhead(first, flags)
  if first % 16 ~= KIND_DATA then return CONTROL_HEADER + WORD end
  return DATA_HEADER + (math.floor(flags / 2) % 2) * WORD + (flags % 2) * WORD
end

-- Bytes of the packet at the start of `tvb`, or nil.
local function packet_length(tvb)
  if tvb:len() < DATA_HEADER or math.floor(tvb(0, 1):uint() / 16) ~= VERSION then return nil end
  local length, flags = tvb(2, 2):uint(), tvb(1, 1):uint()
  if flags > 3 or length < overhead(tvb(0, 1):uint(), flags) or length > tvb:len() then return nil end
  return length
end

local function dissect_data(tvb, pinfo, sub, tree, flags)
  local eid, at, stop = tvb(4, WORD):uint(), DATA_HEADER, tvb:len() - (flags % 2) * WORD
  sub:add(f.eid, tvb(4, WORD))
  if flags >= 2 then
    sub:add(f.number, tvb(at, WORD))
    at = at + WORD
  end
  local flow = flows[eid]
  if flow ~= nil then sub:add(f.name, flow.name):set_generated() end
  local info = "data eid=" .. tostring(tvb(4, WORD):bytes())
  if at < stop then
    local content = tvb(at, stop - at):tvb()
    local said = nil
    if flow == nil then said = dissect_frcp(content, pinfo, tree, false, true)
    elseif flow.is_frcp then said = dissect_frcp(content, pinfo, tree, flow.is_checked, false) end
    if said ~= nil then info = info .. " " .. said
    else
      sub:add(f.message, tvb(at, stop - at))
      info = info .. " len=" .. (stop - at)
    end
  end
  return info
end

local function dissect_control(tvb, sub, tree, kind)
  sub:add(f.number, tvb(4, WORD))
  sub:add(f.receiver, tvb(8, 8))
  sub:add(f.sender, tvb(16, 8))
  local stop = tvb:len() - WORD
  local said = nil
  if kind == KIND_FA and stop > CONTROL_HEADER then
    said = dissect_fa(tvb(CONTROL_HEADER, stop - CONTROL_HEADER):tvb(), tree)
  elseif kind == KIND_DIRECTORY and stop > CONTROL_HEADER then
    said = dissect_directory(tvb(CONTROL_HEADER, stop - CONTROL_HEADER):tvb(), tree)
  elseif kind == KIND_TAKEN and stop > CONTROL_HEADER then
    said = dissect_taken(tvb(CONTROL_HEADER, stop - CONTROL_HEADER):tvb(), sub)
  elseif stop > CONTROL_HEADER then
    sub:add(f.message, tvb(CONTROL_HEADER, stop - CONTROL_HEADER))
  end
  return said or kinds[kind] or "control " .. kind
end

local function dissect_packet(tvb, pinfo, tree)
  local sub = tree:add(layer, tvb())
  local first, flags = tvb(0, 1):uint(), tvb(1, 1):uint()
  local kind = first % 16
  sub:add(f.version, tvb(0, 1))
  sub:add(f.kind, tvb(0, 1))
  sub:add(f.numbered, tvb(1, 1))
  sub:add(f.checked, tvb(1, 1))
  sub:add(f.length, tvb(2, 2))
  local info
  if kind == KIND_DATA then info = dissect_data(tvb, pinfo, sub, tree, flags)
  else info = dissect_control(tvb, sub, tree, kind) end
  if kind ~= KIND_DATA or flags % 2 == 1 then add_check(sub, f, tvb, 0, tvb:len() - WORD) end
  return info
end

-- A datagram holds one packet, or several that were merged for their way through the kernel.
function layer.dissector(tvb, pinfo, tree)
  local at, infos = 0, {}
  while at < tvb:len() do
    local rest = tvb(at):tvb()
    local length = packet_length(rest)
    if length == nil then
      tree:add(layer, rest()):add_proto_expert_info(cut)
      infos[#infos + 1] = "malformed"
      break
    end
    infos[#infos + 1] = dissect_packet(rest(0, length):tvb(), pinfo, tree)
    at = at + length
  end
  pinfo.cols.protocol = "Flowring"
  pinfo.cols.info = table.concat(infos, "; ")
  return tvb:len()
end

-- On other ports: what is packets from its first byte to its last.
local function looks_like_ours(tvb)
  local at = 0
  while at < tvb:len() do
    local length = packet_length(tvb(at):tvb())
    if length == nil or kinds[tvb(at, 1):uint() % 16] == nil then return false end
    at = at + length
  end
  return at > 0
end

layer:register_heuristic("udp", function(tvb, pinfo, tree)
  if not looks_like_ours(tvb) then return false end
  layer.dissector(tvb, pinfo, tree)
  return true
end)
