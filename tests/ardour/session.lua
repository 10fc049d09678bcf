-- A session with Moodline on a track, made or opened again in Ardour without a screen; run by tests/hosts/ardour.rs.
-- In: environment variables SESSION_FOLDER and STEP ("create" or "reopen"). Out: lines "name=value" on standard output.

local folder = os.getenv ("SESSION_FOLDER")
local seconds = 4
local rate = 48000
-- Place of the parameter among those that can be automated, from 0.
local window = 3

local function say (name, value)
	print (name .. "=" .. tostring (value))
end

-- Asks again and again until it is so, for at most twenty minutes: whoever runs into that hangs.
local function wait_until (what, is_so)
	for _ = 1, 12000 do
		if is_so () then return end
		ARDOUR.LuaAPI.usleep (100000)
	end
	error ("waited in vain until " .. what)
end

local function plugin_of (track)
	local processor = track:nth_plugin (0)
	assert (not processor:isnil (), "no plugin on the track")
	return processor
end

local function report (processor)
	local plugin = processor:to_insert ():plugin (0)
	say ("name", plugin:name ())
	say ("parameters", plugin:parameter_count ())
	say ("latency", processor:to_insert ():signal_latency ())
	local _, descriptor = plugin:get_parameter_descriptor (window, ARDOUR.ParameterDescriptor ())
	say ("parameter", descriptor[2].label)
	say ("value", ARDOUR.LuaAPI.get_processor_param (processor, window, true))
end

local backend = AudioEngine:set_backend ("None (Dummy)", "", "")
assert (backend and not backend:isnil (), "Ardour has no dummy backend")
AudioEngine:set_sample_rate (rate)

if os.getenv ("STEP") == "create" then
	local session = create_session (folder, "moodline", rate)
	assert (session, "no session")
	local tracks = session:new_audio_track (2, 2, nil, 1, "voice", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
	local processor = ARDOUR.LuaAPI.new_plugin (session, "Moodline", ARDOUR.PluginType.VST3, "")
	assert (not processor:isnil (), "Ardour did not find the plugin when it scanned")
	assert (tracks:front ():add_processor_by_index (processor, 0, nil, true) == 0, "the plugin could not be inserted")
	assert (ARDOUR.LuaAPI.set_processor_param (processor, window, 7.5), "the parameter could not be set")
	session:goto_start (false)
	wait_until ("the session is located", function () return session:transport_sample () == 0 end)
	session:request_roll (ARDOUR.TransportRequestSource.TRS_UI)
	wait_until ("enough was played", function () return session:transport_sample () > seconds * rate end)
	session:request_stop (false, false, ARDOUR.TransportRequestSource.TRS_UI)
	local reached = 0
	wait_until ("the transport stops", function ()
		reached = math.max (reached, session:transport_sample ())
		return not session:transport_rolling ()
	end)
	say ("reached", reached / rate)
	report (processor)
	assert (session:save_state ("", false, false, false, false, false) == 0, "the session was not saved")
else
	local session = load_session (folder, "moodline")
	assert (session, "the session could not be opened again")
	report (plugin_of (session:route_by_name ("voice")))
	assert (session:save_state ("reopened", false, false, false, false, false) == 0, "the session was not saved again")
end

close_session ()
say ("done", true)
