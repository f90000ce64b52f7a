// The words of the view. What the server says in sentences (summary, notes) is shown as it comes.
const WORDS = {
  en: {
    daily: "daily short volume", weekly: "short volume by period", interest: "short interest", compared: "Short volume compared",
    invented: "Sandbox: all figures are invented", incomplete: "Incomplete: see the notes",
    ratio: "Short ratio", volumes: "Shares", close: "Close", total: "total volume", short: "short volume",
    mean: "mean", band: "mean ± 1 standard deviation", highest: "highest", lowest: "lowest",
    of: "of", source: "Source", basis: "The ratio is a share of", asOf: "Newest day", newestReport: "Newest report", table: "All figures as a table",
    caption: "Newest first", noRow: "no row for this trading day", unknown: "unknown", turnover: "sold short for",
    waiting: "Waiting for figures …", empty: "No days to draw.", days: "trading days", day: "trading day", hint: "Arrow keys, Home and End move the cursor.",
    chart: "Chart of {0}; use the arrow keys to read each day", position: "Short interest on", cover: "Days to cover", shares: "Shares open short",
    pctOf: "Percent of", change: "change", unusual: "unusual", z: "z-score: distance from the own mean", usual: "within 2 standard deviations",
    omitted: "{0} older rows are not drawn", percentile: "percentile",
    date: "Date", symbol: "Symbol", last_date: "Last date",
    columns: { short_volume: "Short volume", total_volume: "Total volume", short_ratio_pct: "Short ratio %", close: "Close", short_turnover: "Short turnover HKD",
      days: "Days", source_ratio_pct: "Source's ratio %", nasdaq_short_volume: "Nasdaq short", nyse_short_volume: "NYSE short", total_turnover: "Total turnover",
      open: "Open", previous_close: "Previous close", average_ratio_20d_pct: "20-day ratio %", latest_pct: "Latest %", change_pp: "Change pp", change_z: "z of change",
      mean_pct: "Mean %", z_score: "z-score", percentile: "Percentile", streak_days: "Streak", price_change_pct: "Price %", short_interest: "Short interest",
      short_interest_pct: "Percent", days_to_cover: "Days to cover", change_pct: "Change %", short_interest_value: "Value HKD", change_shares: "Change",
      average_daily_volume: "Average volume", source_days_to_cover: "Source's days to cover" },
  },
  "zh-Hans": {
    daily: "每日沽空量", weekly: "各期沽空量", interest: "未平仓淡仓", compared: "沽空量比较",
    invented: "沙盒：所有数字均为虚构", incomplete: "不完整：请看附注",
    ratio: "沽空比率", volumes: "股数", close: "收市价", total: "总成交量", short: "沽空量",
    mean: "均值", band: "均值 ± 1 个标准差", highest: "最高", lowest: "最低",
    of: "占", source: "来源", basis: "比率的分母", asOf: "最新交易日", newestReport: "最新报告", table: "全部数字（表格）",
    caption: "由新到旧", noRow: "该交易日没有数据", unknown: "未知", turnover: "沽空金额",
    waiting: "等待数据…", empty: "没有可绘制的交易日。", days: "个交易日", day: "个交易日", hint: "用方向键、Home 和 End 移动光标。",
    chart: "{0}图表；用方向键逐日读数", position: "未平仓淡仓，日期", cover: "回补天数", shares: "未平仓淡仓（股）",
    pctOf: "百分比，占", change: "变化", unusual: "异常", z: "z 值：与自身均值的距离", usual: "2 个标准差以内",
    omitted: "另有 {0} 行较早数据未绘制", percentile: "百分位",
    date: "日期", symbol: "代码", last_date: "最新日期",
    columns: { short_volume: "沽空量", total_volume: "总成交量", short_ratio_pct: "沽空比率 %", close: "收市价", short_turnover: "沽空金额 港元",
      days: "天数", source_ratio_pct: "来源比率 %", nasdaq_short_volume: "纳斯达克沽空", nyse_short_volume: "纽交所沽空", total_turnover: "总成交额",
      open: "开市价", previous_close: "前收市价", average_ratio_20d_pct: "20 日比率 %", latest_pct: "最新 %", change_pp: "变化（百分点）", change_z: "变化 z 值",
      mean_pct: "均值 %", z_score: "z 值", percentile: "百分位", streak_days: "连续天数", price_change_pct: "股价 %", short_interest: "未平仓淡仓",
      short_interest_pct: "百分比", days_to_cover: "回补天数", change_pct: "变化 %", short_interest_value: "市值 港元", change_shares: "变化",
      average_daily_volume: "日均成交量", source_days_to_cover: "来源回补天数" },
  },
  "zh-Hant": {
    daily: "每日沽空量", weekly: "各期沽空量", interest: "未平倉淡倉", compared: "沽空量比較",
    invented: "沙盒：所有數字均為虛構", incomplete: "不完整：請看附註",
    ratio: "沽空比率", volumes: "股數", close: "收市價", total: "總成交量", short: "沽空量",
    mean: "均值", band: "均值 ± 1 個標準差", highest: "最高", lowest: "最低",
    of: "佔", source: "來源", basis: "比率的分母", asOf: "最新交易日", newestReport: "最新報告", table: "全部數字（表格）",
    caption: "由新到舊", noRow: "該交易日沒有數據", unknown: "未知", turnover: "沽空金額",
    waiting: "等待數據…", empty: "沒有可繪製的交易日。", days: "個交易日", day: "個交易日", hint: "用方向鍵、Home 和 End 移動游標。",
    chart: "{0}圖表；用方向鍵逐日讀數", position: "未平倉淡倉，日期", cover: "回補天數", shares: "未平倉淡倉（股）",
    pctOf: "百分比，佔", change: "變化", unusual: "異常", z: "z 值：與自身均值的距離", usual: "2 個標準差以內",
    omitted: "另有 {0} 行較早數據未繪製", percentile: "百分位",
    date: "日期", symbol: "代號", last_date: "最新日期",
    columns: { short_volume: "沽空量", total_volume: "總成交量", short_ratio_pct: "沽空比率 %", close: "收市價", short_turnover: "沽空金額 港元",
      days: "天數", source_ratio_pct: "來源比率 %", nasdaq_short_volume: "納斯達克沽空", nyse_short_volume: "紐交所沽空", total_turnover: "總成交額",
      open: "開市價", previous_close: "前收市價", average_ratio_20d_pct: "20 日比率 %", latest_pct: "最新 %", change_pp: "變化（百分點）", change_z: "變化 z 值",
      mean_pct: "均值 %", z_score: "z 值", percentile: "百分位", streak_days: "連續天數", price_change_pct: "股價 %", short_interest: "未平倉淡倉",
      short_interest_pct: "百分比", days_to_cover: "回補天數", change_pct: "變化 %", short_interest_value: "市值 港元", change_shares: "變化",
      average_daily_volume: "日均成交量", source_days_to_cover: "來源回補天數" },
  },
};

// The language of a BCP 47 locale: Chinese is traditional in Hong Kong, Macau and Taiwan, or where the script says so.
function languageOf(locale) {
  const tag = String(locale || "").toLowerCase();
  if (!tag.startsWith("zh")) return "en";
  return /hant|-(hk|mo|tw)\b/.test(tag) && !/hans/.test(tag) ? "zh-Hant" : "zh-Hans";
}
